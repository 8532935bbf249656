// On a narrow screen one part of the page is shown at a time; the links in the header choose it.

const PARTS = ["operations", "browser-A", "browser-B"];

function show(id) {
  for (const part of PARTS) {
    const current = part === id;
    document.getElementById(part).toggleAttribute("data-current", current);
    document.querySelector(`#views a[href="#${part}"]`).setAttribute("aria-current", String(current));
  }
}

/** Shows the part that the address names, and follows it when it changes. */
export function followAddress() {
  const follow = () => {
    const named = location.hash.slice(1);
    show(PARTS.includes(named) ? named : PARTS[0]);
  };
  addEventListener("hashchange", follow);
  follow();
}
