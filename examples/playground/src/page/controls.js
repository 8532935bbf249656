// The operations as forms: the fields of a group, and for each operation its request as it would
// be sent now and a button per browser.

import { breakable, element } from "./dom.js";
import { GROUPS } from "./operations.js";

const BROWSERS = ["A", "B"];

/** Fills `root`. `send` takes a browser's name and a request; `acts` are the buttons without one. */
export function showControls(root, send, acts) {
  root.append(...GROUPS.map((group) => groupOf(group, send)), actsOf(acts));
}

function groupOf({ title, fields, operations }, send) {
  const inputs = fields.map((field) => ({ field, input: inputOf(field) }));
  const values = () => Object.fromEntries(inputs.map(({ field, input }) => [field.name, input.value.trim()]));
  const rows = operations.map((operation) => rowOf(operation, values, send));
  const show = () => rows.forEach((row) => row.show());
  const group = section(
    title,
    element("div", { className: "fields" }, ...inputs.map(({ field, input }) => element("label", {}, field.label ?? field.name, input))),
    element("ul", { className: "rows" }, ...rows.map((row) => row.element)),
  );
  group.addEventListener("input", show);
  show();
  return group;
}

function inputOf({ name, value, hint = "" }) {
  return element("input", { name, value, placeholder: hint, autocomplete: "off", spellcheck: false, autocapitalize: "off", size: 6 });
}

function rowOf({ id, method, path, body, note }, values, send) {
  const shown = element("code", { className: "path" });
  const payload = element("code", { className: "payload", hidden: body === undefined });
  const request = () => ({ method, path: path(values()), body: body?.(values()) ?? null });
  const show = () => {
    const next = request();
    shown.replaceChildren(...breakable(next.path));
    payload.textContent = next.body ?? "";
  };
  const row = element(
    "li",
    { className: "row", data: { testid: `operation-${id}` } },
    element("p", { className: "line" }, element("span", { className: "method", textContent: method, data: { method } }), shown, payload),
    buttons(id, `${method} ${id}`, (browser) => send(browser, request())),
    element("p", { className: "note", textContent: note }),
  );
  return { element: row, show };
}

function actsOf(acts) {
  const rows = acts.map(({ id, title, note, act }) =>
    element(
      "li",
      { className: "row", data: { testid: `operation-${id}` } },
      element("p", { className: "line", textContent: title }),
      buttons(id, title, act),
      element("p", { className: "note", textContent: note }),
    ),
  );
  return section("Two browsers", element("ul", { className: "rows" }, ...rows));
}

function buttons(id, what, act) {
  const made = BROWSERS.map((browser) =>
    element("button", {
      type: "button",
      className: "who",
      textContent: browser,
      ariaLabel: `${what}, browser ${browser}`,
      data: { browser, testid: `${id}-${browser}` },
      onclick: () => act(browser),
    }),
  );
  return element("div", { className: "buttons" }, ...made);
}

function section(title, ...content) {
  return element("section", { className: "group" }, element("h3", { textContent: title }), ...content);
}
