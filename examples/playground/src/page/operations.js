// What can be asked of the server: every operation as data. A group's fields fill in the paths
// and bodies of its operations.

const segment = encodeURIComponent;

/** A path with those parameters that have a value. */
function withQuery(path, parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== "");
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}

const attribute = ({ name }) => `/attributes/${segment(name)}`;
const increment = (mode) => ({ counter, delay_ms }) =>
  withQuery(`/attributes/${segment(counter)}/increment`, { mode, delay_ms });
const delayed = (path) => ({ delay_ms }) => withQuery(path, { delay_ms });
const plain = (path) => () => path;

/** The hidden field of the form. What DOMParser makes of it runs no script and loads nothing. */
const tokenOf = (html) => new DOMParser().parseFromString(html, "text/html").querySelector("input[name=csrf]")?.value;

const delay = { name: "delay_ms", value: "", hint: "0" };

export const GROUPS = [
  {
    title: "Attributes",
    fields: [{ name: "name", value: "greeting" }, { name: "value", label: "value (JSON)", value: '"hello"' }, delay],
    operations: [
      {
        id: "put",
        method: "PUT",
        path: (fields) => withQuery(attribute(fields), { delay_ms: fields.delay_ms }),
        body: ({ value }) => value,
        note: "setAttribute. The first write creates the session; null removes the attribute.",
      },
      { id: "get", method: "GET", path: attribute, note: "getAttribute, or 404. Reading never creates a session." },
      { id: "delete", method: "DELETE", path: attribute, note: "removeAttribute; the same answer when there was none." },
    ],
  },
  {
    title: "Changes of a value",
    fields: [
      { name: "counter", value: "count" },
      { name: "list", value: "basket" },
      { name: "item", label: "item (JSON)", value: '"tea"' },
      delay,
    ],
    operations: [
      {
        id: "increment-update",
        method: "POST",
        path: increment("update"),
        note: "Adds 1 in one step. The delay lies before it, so parallel requests all count.",
      },
      {
        id: "increment-getset",
        method: "POST",
        path: increment("getset"),
        note: "Adds 1 by get, delay and set. What others wrote meanwhile is overwritten.",
      },
      {
        id: "append",
        method: "POST",
        path: ({ list, delay_ms }) => withQuery(`/attributes/${segment(list)}/append`, { delay_ms }),
        body: ({ item }) => item,
        note: "Appends the item to the list in one step.",
      },
    ],
  },
  {
    title: "Lifecycle",
    fields: [{ name: "seconds", label: "idle limit (s)", value: "60", hint: "null" }, delay],
    operations: [
      { id: "session", method: "GET", path: plain("/session"), note: "The session as the handler sees it: an access that restarts the idle limit." },
      { id: "untouched", method: "GET", path: plain("/untouched"), note: "Does not consult the session: no access, no store call, no header." },
      { id: "change-id", method: "POST", path: delayed("/change-id"), note: "changeSessionId. The same session under a new token; the old one is worth nothing." },
      {
        id: "interval",
        method: "PUT",
        path: plain("/max-inactive-interval"),
        body: ({ seconds }) => seconds || "null",
        note: "setMaxInactiveInterval. null, zero or less: never expires by lying idle.",
      },
      { id: "invalidate", method: "POST", path: delayed("/invalidate"), note: "Ends the session and deletes the cookie." },
    ],
  },
  {
    title: "Login",
    fields: [
      { name: "principal", value: "alice" },
      { name: "label", value: "", hint: "none" },
      { name: "remember", type: "checkbox" },
      delay,
    ],
    operations: [
      {
        id: "login",
        method: "POST",
        path: delayed("/login"),
        body: ({ principal, label, remember }) =>
          JSON.stringify({ principal, ...(label && { label }), ...(remember && { remember: true }) }),
        note: "Changes the id, so that a token planted before the login is worth nothing after it. The label names the session in the list below; remember keeps cookie and session for two weeks.",
      },
      { id: "logout", method: "POST", path: plain("/logout"), note: "Ends the login; the same answer when nobody is logged in." },
    ],
  },
  {
    title: "My sessions",
    fields: [{ name: "handle", value: "", hint: "of the list" }],
    operations: [
      { id: "devices", method: "GET", path: plain("/me/sessions"), note: "Where else one is logged in, each with a button to end it. 401 when nobody is." },
      {
        id: "end-device",
        method: "DELETE",
        path: ({ handle }) => `/me/sessions/${segment(handle || "none")}`,
        note: "Ends one of one's own. A handle is no credential: somebody else's is 404.",
      },
      { id: "end-others", method: "DELETE", path: plain("/me/sessions"), note: "Ends all but the current one." },
    ],
  },
  {
    title: "Form",
    fields: [{ name: "value", value: "tea & cake" }, { name: "csrf", value: "", hint: "of the form" }],
    operations: [
      {
        id: "form",
        method: "GET",
        path: plain("/form"),
        fills: (html) => ({ csrf: tokenOf(html) }),
        note: "A page without a script. The token in its form is put into the field above, another one each time.",
      },
      {
        id: "submit",
        method: "POST",
        path: plain("/form"),
        body: ({ csrf, value }) => String(new URLSearchParams({ csrf, value })),
        note: "What the form sends. With no token, or sent by the other browser, it is a forgery: 403.",
      },
    ],
  },
  {
    title: "Kinds of response",
    fields: [{ name: "name", value: "seen" }, { name: "value", value: "yes" }, { name: "status", value: "500" }],
    operations: [
      {
        id: "redirect",
        method: "GET",
        path: ({ name, value }) => withQuery("/redirect", { name, value }),
        note: "Sets the attribute and redirects. The browser follows and finds it.",
      },
      {
        id: "fail",
        method: "GET",
        path: ({ name, value, status }) => withQuery("/fail", { status, name, value }),
        note: "Sets the attribute and answers with an error: what was written is kept.",
      },
      {
        id: "panic",
        method: "GET",
        path: ({ name, value }) => withQuery("/panic", { name, value }),
        note: "Sets the attribute and panics: nothing is kept, and the server goes on.",
      },
      { id: "cookies", method: "GET", path: plain("/cookies"), note: "Sets two cookies of the application's own beside the session's." },
    ],
  },
  {
    title: "Stream",
    fields: [
      { name: "chunks", value: "20" },
      { name: "interval_ms", value: "400" },
      { name: "attribute", value: "progress" },
    ],
    operations: [
      {
        id: "stream",
        method: "GET",
        path: ({ chunks, interval_ms, attribute: name }) => withQuery("/stream", { chunks, interval_ms, attribute: name }),
        note: "A line at a time, with a write before each. Abort it: what was written is kept.",
      },
    ],
  },
  {
    title: "All sessions",
    fields: [],
    operations: [{ id: "stats", method: "GET", path: plain("/stats"), note: "What became of all sessions, and what the store was asked. No session is consulted." }],
  },
];
