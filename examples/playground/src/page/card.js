// What a browser keeps and what the server keeps for it: the cookie jar and the session.

import { holdsToken, parse } from "./cookie.js";
import { element, moment } from "./dom.js";

const TEXT = {
  none: "None. Reading creates none; the first write does.",
  unknown: "None: the token that this browser sends names no session.",
};

export class Card {
  constructor() {
    this.jar = element("ul", { className: "jar", data: { testid: "jar" }, ariaLabel: "Cookies this browser keeps" });
    this.session = element("div", { className: "session", data: { testid: "session" } });
    this.element = element(
      "div",
      { className: "card" },
      element("h3", { textContent: "Cookie jar" }),
      this.jar,
      element("h3", { textContent: "Session on the server" }),
      this.session,
    );
    /** When the session expires, on the clock of performance.now(); null for never. */
    this.endsAt = null;
    this.left = null;
  }

  showJar({ cookies, header }) {
    const lines = header === null ? cookies.map(keptCookie) : [element("li", {}, element("code", { textContent: header }))];
    this.jar.replaceChildren(...(lines.length > 0 ? lines : [element("li", { className: "none", textContent: "empty" })]));
  }

  /** Shows what a look has found. */
  show({ now, session, jar }) {
    this.showJar(jar);
    this.endsAt = session.expires_at === null ? null : performance.now() + session.expires_at - now;
    this.left = null;
    this.session.dataset.exists = String(session.exists);
    if (!session.exists) {
      const none = holdsToken(jar) ? TEXT.unknown : TEXT.none;
      this.session.replaceChildren(element("p", { className: "none", textContent: none }));
      return;
    }
    this.left = element("span", { className: "digits", data: { testid: "left" } });
    this.session.replaceChildren(
      element(
        "dl",
        { className: "facts" },
        fact("Fingerprint", element("code", { textContent: session.fingerprint, data: { testid: "fingerprint" } })),
        fact("Principal", session.principal ?? "nobody is logged in"),
        fact("Created", moment(session.creation_time)),
        fact("Last access", moment(session.last_accessed_time)),
        fact("Is new", String(session.is_new)),
        fact("Expires in", this.left),
        fact("Idle limit", session.max_inactive_interval === null ? "never" : `${session.max_inactive_interval} s`),
        fact("Size", session.size === null ? "unknown" : `${session.size} bytes`),
      ),
      attributes(session.attributes),
    );
    this.tick();
  }

  /** Shows the time that is left. Answers true when it is over and the session is still shown. */
  tick() {
    if (this.left === null) return false;
    const left = this.endsAt === null ? Infinity : this.endsAt - performance.now();
    this.left.textContent = left === Infinity ? "never" : clock(left);
    this.left.dataset.soon = String(left < 10_000);
    return left <= 0;
  }
}

function keptCookie(line) {
  const { name, value, attributes } = parse(line);
  const flags = attributes.map((attribute) => (attribute.value ? `${attribute.name}=${attribute.value}` : attribute.name));
  return element(
    "li",
    {},
    element("code", {}, `${name}=`, element("strong", { textContent: value })),
    element("span", { className: "flags", textContent: flags.join(" · ") }),
  );
}

function fact(name, value) {
  return element("div", {}, element("dt", { textContent: name }), element("dd", {}, value));
}

function attributes(values) {
  const entries = Object.entries(values);
  if (entries.length === 0) return element("p", { className: "none", textContent: "No attributes." });
  const rows = entries.map(([name, value]) =>
    element(
      "tr",
      { data: { attribute: name } },
      element("th", { scope: "row", textContent: name }),
      element("td", {}, element("code", { textContent: JSON.stringify(value) })),
    ),
  );
  return element(
    "table",
    { className: "attributes", data: { testid: "attributes" } },
    element("caption", { textContent: "Attributes" }),
    element("tbody", {}, ...rows),
  );
}

function clock(millis) {
  const seconds = Math.max(0, Math.ceil(millis / 1000));
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}
