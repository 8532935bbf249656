// One browser of the two: its jar, its session, and the log of what it asked.

import { Card } from "./card.js";
import { element } from "./dom.js";
import { Entry } from "./entry.js";
import { sessionsTable } from "./sessions.js";
import { SocketEntry } from "./socket.js";

/** Entries that the log keeps; older ones go, so that the page does not grow without end. */
const LOG_LENGTH = 100;

/** How often the session is looked at while a request is on its way, in milliseconds. */
const LOOK_INTERVAL = 500;

export class Pane {
  /**
   * `changed` is called after each exchange; `tell` says one sentence to the visitor; `attempt` does
   * something that may fail, and says so then.
   */
  constructor(name, relay, root, { changed, tell, attempt }) {
    this.name = name;
    this.relay = relay;
    this.changed = changed;
    this.tell = tell;
    this.attempt = attempt;
    this.card = new Card();
    /** Looks begun, and the latest of them that is shown: answers may overtake one another. */
    this.looks = 0;
    this.shown = 0;
    this.log = element("div", { className: "log", data: { testid: "log" } });
    this.empty = element("p", { className: "none", textContent: "Nothing asked yet. Send an operation." });
    this.log.append(this.empty);
    root.append(
      element("h2", {}, element("span", { className: "who", textContent: name, data: { browser: name } }), `Browser ${name}`),
      this.card.element,
      element("h3", { textContent: "Exchanges, newest first" }),
      this.log,
    );
  }

  /** Looks at session and jar, shows them, and answers the session. */
  async look() {
    const look = ++this.looks;
    const seen = await this.relay.look(this.name);
    if (look > this.shown) {
      this.shown = look;
      this.card.show(seen);
    }
    return seen.session;
  }

  /**
   * Sends a request, shows the exchange in the log, and follows where it is redirected to. Answers
   * the text of the response.
   */
  async send(request) {
    const abort = new AbortController();
    const entry = new Entry(request, this.relay.facts.transport, () => abort.abort());
    await this.#follow(entry, this.relay.send(this.name, request, abort.signal), abort.signal);
    if (entry.listsSessions) entry.showSessions(this.#sessionsOf(entry.text));
    this.tell(`Browser ${this.name}: ${request.method} ${request.path} → ${entry.status.textContent}`);
    await this.changed();
    if (entry.location) await this.send({ method: "GET", path: entry.location });
    return entry.text;
  }

  /** Opens a WebSocket, and shows what is said over it until it closes. */
  async open() {
    const abort = new AbortController();
    const entry = new SocketEntry(
      this.relay.facts.transport,
      () => abort.abort(),
      (socket, line) => this.attempt(() => this.relay.say(socket, line)),
    );
    await this.#follow(entry, this.relay.open(this.name, abort.signal), abort.signal);
    this.tell(`Browser ${this.name}: the WebSocket is closed`);
    await this.changed();
  }

  /** Shows an exchange as its frames come, and the session before and after it. */
  async #follow(entry, frames, signal) {
    this.add(entry.element);
    const before = await this.look();
    const looking = setInterval(() => this.look().catch(() => {}), LOOK_INTERVAL);
    try {
      for await (const frame of frames) {
        if (frame.frame === "head") this.card.showJar(frame.jar);
        entry.take(frame);
      }
      entry.end("cut", "The relay's answer ended early.");
    } catch (error) {
      if (!signal.aborted) {
        entry.end("failed", error.message);
        throw error;
      }
      entry.end("aborted", "Aborted: the connection was closed from this side.");
    } finally {
      clearInterval(looking);
    }
    entry.compare(before, await this.look());
  }

  /** The list of one's own sessions, as a table whose buttons end them. */
  #sessionsOf(text) {
    const end = (path) =>
      this.attempt(async () => {
        await this.send({ method: "DELETE", path });
        await this.send({ method: "GET", path: "/me/sessions" });
      });
    return sessionsTable(JSON.parse(text), end);
  }

  /** Sends a request and answers its status and body; the log does not show it. */
  async ask(request) {
    const answer = { status: null, text: "" };
    for await (const frame of this.relay.send(this.name, request)) {
      if (frame.frame === "head") answer.status = frame.status;
      if (frame.frame === "text") answer.text += frame.text;
    }
    return answer;
  }

  /** Puts an entry on top of the log, open, and closes the one that was opened like this before. */
  add(entry) {
    this.empty.remove();
    if (this.opened) this.opened.open = false;
    this.opened = entry;
    entry.open = true;
    this.log.prepend(entry);
    while (this.log.children.length > LOG_LENGTH) this.log.lastElementChild.remove();
  }
}
