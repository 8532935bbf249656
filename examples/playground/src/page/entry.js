// One exchange in the log of a browser: request, response, Set-Cookie taken apart, and the
// session before and after.

import { deletes, parse, takeApart } from "./cookie.js";
import { breakable, element, moment } from "./dom.js";
import { compare, isTime, summary } from "./state.js";

/** Headers of the response that have to do with the session. */
const NOTES = {
  "cache-control": "no-store: an answer that hands out a token must not be kept by a cache.",
  location: "Where the browser goes next, by GET.",
  vary: "The answer depends on the token: a cache must not give it to another visitor.",
};

export class Entry {
  constructor({ method, path, body = null }, transport, abort) {
    this.transport = transport;
    this.started = performance.now();
    this.status = element("span", { className: "code", textContent: "…", data: { testid: "entry-status" } });
    this.marks = element("span", { className: "marks" });
    this.time = element("span", { className: "digits when" }, moment(Date.now()));
    this.abort = element("button", { type: "button", className: "abort", textContent: "Abort", onclick: abort, data: { testid: "abort" } });
    this.request = element("pre", { textContent: requestText(method, path, [], body), data: { testid: "request" } });
    this.head = element("pre", { textContent: "waiting…", data: { testid: "response" } });
    this.body = element("pre", { className: "body", hidden: true, tabIndex: 0, ariaLabel: "Response body", data: { testid: "body" } });
    this.notes = element("dl", { className: "notes" });
    this.cookies = element("div", { className: "cookies" });
    this.states = element("div", { className: "states" });
    this.asked = { method, path, body };
    /** The body of the response as it came. */
    this.text = "";
    this.element = element(
      "details",
      { className: "entry", data: { testid: "entry", state: "running", method, path } },
      element(
        "summary",
        {},
        element(
          "span",
          { className: "asked" },
          element("span", { className: "method", textContent: method, data: { method } }),
          element("code", { className: "path" }, ...breakable(path)),
        ),
        this.status,
        this.marks,
        this.time,
      ),
      element(
        "div",
        { className: "inside" },
        this.abort,
        part("Request", this.request),
        part("Response", this.head, this.body, this.notes),
        this.cookies,
        this.states,
      ),
    );
  }

  /** Takes in the next frame of the answer. */
  take(frame) {
    if (frame.frame === "head") this.#showHead(frame);
    else if (frame.frame === "text") this.#showText(frame.text);
    else if (frame.frame === "cut") this.end("cut", frame.reason);
    else this.end("complete");
  }

  #showHead({ sent, status, headers }) {
    const { method, path, body } = this.asked;
    this.request.textContent = requestText(method, path, sent, body);
    this.#showStatus(String(status));
    this.isJson = headers.some(([name, value]) => name === "content-type" && value.startsWith("application/json"));
    this.location = status === 303 ? headers.find(([name]) => name === "location")?.[1] : undefined;
    this.head.textContent = [`HTTP/1.1 ${status}`, ...headers.map(([name, value]) => `${name}: ${value}`)].join("\n");
    for (const [name, value] of headers) {
      if (NOTES[name]) this.notes.append(element("dt", {}, code(name)), element("dd", { textContent: NOTES[name] }));
    }
    this.#showCookies(headers);
  }

  #showStatus(text) {
    this.status.textContent = text;
    this.status.dataset.kind = /^\d/.test(text) ? text[0] : "cut";
  }

  #showCookies(headers) {
    const lines = headers.filter(([name]) => name === "set-cookie").map(([, line]) => line);
    for (const line of lines) {
      const cookie = parse(line);
      const does = deletes(cookie) ? "deletes" : "sets";
      const whose = cookie.name === this.transport.name ? "the session cookie" : "a cookie of the application's own";
      this.#mark(`${does} ${cookie.name}`, "cookie");
      this.cookies.append(part(`Set-Cookie, taken apart: ${does} ${whose}`, explained(line)));
    }
    const token = this.transport.kind === "header" && headers.find(([name]) => name === this.transport.name.toLowerCase());
    if (token) this.#showToken(...token);
    if (lines.length > 0 || token) return;
    const none = element("p", { className: "none", textContent: "None: the browser keeps what it has." });
    this.cookies.append(part(this.transport.kind === "header" ? "Token header" : "Set-Cookie", none));
  }

  #showToken(name, value) {
    const ended = value === "";
    const meaning = ended
      ? "Empty: the session has ended, and the client forgets the token."
      : "The client sends it back in the same header; no cookie is involved.";
    this.#mark(ended ? "takes the token back" : "hands out a token", "cookie");
    const term = element("dt", {}, code(`${name}: ${value}`));
    const list = element("dl", { className: "parts" }, term, element("dd", { textContent: meaning }));
    this.cookies.append(part("Token header", list));
  }

  #showText(text) {
    this.text += text;
    this.body.hidden = false;
    const follow = this.body.scrollHeight - this.body.scrollTop - this.body.clientHeight < 40;
    this.body.append(text);
    if (follow) this.body.scrollTop = this.body.scrollHeight;
  }

  /** Whether the answer is the list of one's own sessions. */
  get listsSessions() {
    const { method, path } = this.asked;
    return method === "GET" && path === "/me/sessions" && this.status.textContent === "200";
  }

  showSessions(table) {
    this.cookies.before(part("My sessions", table));
  }

  /** The answer is over: `complete`, `cut` by the server, `aborted` by the visitor, or `failed`. */
  end(state, reason = "") {
    if (this.element.dataset.state !== "running") return;
    this.element.dataset.state = state;
    this.abort.remove();
    if (this.isJson) this.body.textContent = indented(this.body.textContent);
    this.time.append(` · ${Math.round(performance.now() - this.started)} ms`);
    if (state === "complete") return;
    this.#mark(state, "problem");
    if (this.status.textContent === "…") {
      this.#showStatus("none");
      this.head.textContent = "no response";
    }
    if (reason) this.body.before(element("p", { className: "reason", textContent: reason }));
  }

  /** Shows the session before and after, with what changed marked. */
  compare(before, after) {
    const rows = compare(before, after).filter(({ before: was, after: is }) => was !== undefined || is !== undefined);
    const changed = rows.filter((row) => row.changed);
    const said = summary(before, after, changed.length);
    if (said) this.#mark(said, "changed");
    this.states.replaceChildren(
      part(
        changed.length === 0 ? "Session before and after: nothing changed" : "Session before and after",
        element(
          "table",
          { className: "diff", data: { testid: "diff" } },
          element("thead", {}, element("tr", {}, ...["", "before", "after"].map((text) => element("th", { scope: "col", textContent: text })))),
          element("tbody", {}, ...rows.map(compared)),
        ),
      ),
    );
  }

  #mark(text, sort) {
    this.marks.append(element("span", { className: "mark", textContent: text, data: { sort } }));
  }
}

function requestText(method, path, headers, body) {
  const lines = [`${method} ${path} HTTP/1.1`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  return body === null ? lines.join("\n") : `${lines.join("\n")}\n\n${body}`;
}

function explained(line) {
  const list = element("dl", { className: "parts", data: { testid: "set-cookie" } });
  for (const { part: text, meaning, absent } of takeApart(line)) {
    list.append(element("dt", { data: { absent: String(absent ?? false) } }, code(text)), element("dd", { textContent: meaning }));
  }
  return list;
}

function compared({ key, label, before, after, changed }) {
  const shown = (value) => {
    if (value === undefined) return element("td", { className: "none", textContent: "–" });
    if (isTime(key)) return element("td", { className: "digits" }, moment(value, { exact: true }));
    return element("td", {}, code(typeof value === "string" && key !== "attribute" ? value : JSON.stringify(value)));
  };
  const name = key === "attribute" ? code(label) : label;
  const mark = changed ? element("span", { className: "visually-hidden", textContent: " (changed)" }) : null;
  return element("tr", { data: { key, changed: String(changed) } }, element("th", { scope: "row" }, name, mark), shown(before), shown(after));
}

/** JSON over several lines, which is easier to read; what is cut off stays as it is. */
function indented(json) {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}

const code = (text) => element("code", { textContent: text });

function part(title, ...content) {
  return element("section", { className: "part" }, element("h4", { textContent: title }), ...content);
}
