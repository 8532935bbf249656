// One's own sessions, with what ends them.

import { element, moment } from "./dom.js";

/** A table of the sessions that `GET /me/sessions` lists. `end` sends a DELETE to a path. */
export function sessionsTable(sessions, end) {
  const rows = sessions.map(({ handle, label, current, creation_time, last_accessed_time }) =>
    element(
      "tr",
      { data: { handle, current: String(current) } },
      element("th", { scope: "row" }, label ?? "no label", current ? element("span", { className: "mark", textContent: "this one" }) : null),
      element("td", { className: "digits", data: { label: "created" } }, moment(creation_time)),
      element("td", { className: "digits", data: { label: "last access" } }, moment(last_accessed_time)),
      element("td", {}, button("End", `End the session ${label ?? handle}`, () => end(`/me/sessions/${handle}`))),
    ),
  );
  const head = ["label", "created", "last access", ""].map((text) => element("th", { scope: "col", textContent: text }));
  return element(
    "div",
    { className: "listed", data: { testid: "my-sessions" } },
    element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...rows)),
    button("End all others", "End all sessions but this one", () => end("/me/sessions")),
  );
}

function button(textContent, ariaLabel, onclick) {
  return element("button", { type: "button", className: "ends", textContent, ariaLabel, onclick });
}
