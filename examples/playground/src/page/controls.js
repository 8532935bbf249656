// The operations as forms: the fields of a group, and for each operation its request as it would
// be sent now and a button per browser. What an answer brings may fill in a field.

import { breakable, element } from "./dom.js";
import { GROUPS } from "./operations.js";

const BROWSERS = ["A", "B"];

/**
 * Fills `root`. `send` takes a browser's name and a request, and answers the text of the response;
 * `acts` are the buttons without a request.
 */
export function showControls(root, send, acts) {
  root.append(...GROUPS.map((group) => groupOf(group, send)), actsOf(acts));
}

function groupOf({ title, fields, operations }, send) {
  const inputs = fields.map((field) => ({ field, input: inputOf(field) }));
  const values = () => Object.fromEntries(inputs.map(({ field, input }) => [field.name, valueOf(input)]));
  const fill = (given) => {
    for (const { field, input } of inputs) input.value = given[field.name] ?? input.value;
    show();
  };
  const rows = operations.map((operation) => rowOf(operation, values, fill, send));
  const show = () => rows.forEach((row) => row.show());
  const group = section(
    title,
    fields.length === 0 ? null : element("div", { className: "fields" }, ...inputs.map(({ field, input }) => element("label", {}, field.label ?? field.name, input))),
    element("ul", { className: "rows" }, ...rows.map((row) => row.element)),
  );
  group.addEventListener("input", show);
  show();
  return group;
}

const valueOf = (input) => (input.type === "checkbox" ? input.checked : input.value.trim());

function inputOf({ name, type, value, hint = "" }) {
  if (type === "checkbox") return element("input", { name, type });
  return element("input", { name, value, placeholder: hint, autocomplete: "off", spellcheck: false, autocapitalize: "off", size: 6 });
}

function rowOf({ id, method, path, body, fills, note }, values, fill, send) {
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
    buttons(id, `${method} ${id}`, async (browser) => {
      const text = await send(browser, request());
      if (fills && text) fill(fills(text));
    }),
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
