// The relay plays the browsers. A script is never shown Set-Cookie nor an HttpOnly cookie, and a
// page has but one cookie jar; so the server keeps a jar for each of this page's browsers and
// sends their requests to itself. It tells everything about them but the token.

/** An answer of the relay itself that is no success. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export class Relay {
  /** Asks for two empty jars. */
  static async open() {
    const facts = await (await post("open", {})).json();
    return new Relay(facts);
  }

  constructor({ page, ...facts }) {
    /** Names this page's jars to the relay; kept nowhere else, so a reload begins anew. */
    this.page = page;
    /** What the server is: framework, store, transport. */
    this.facts = facts;
  }

  /** The session of a pane and its jar. A look is no access: it prolongs nothing. */
  look(pane) {
    return this.#ask("look", { pane });
  }

  /** Copies the cookies of one pane to another, as a thief would. */
  steal(from, to) {
    return this.#ask("steal", { from, to });
  }

  /** Clears the cookies of a pane. The server does not learn of it. */
  forget(pane) {
    return this.#ask("forget", { pane });
  }

  /** Sends a request as a pane and yields the frames of the answer as they come. */
  async *send(pane, { method, path, body = null }, signal) {
    yield* framesOf(await post("relay", { page: this.page, pane, method, path, body }, signal));
  }

  /** Opens a WebSocket as a pane and yields what comes of it. Its number is in the first frame. */
  async *open(pane, signal) {
    yield* framesOf(await post("socket", { page: this.page, pane }, signal));
  }

  /** Says a line to an open WebSocket. It is among the frames once it is on its way. */
  async say(socket, line) {
    await post("say", { page: this.page, socket, line });
  }

  async #ask(what, question) {
    return (await post(what, { page: this.page, ...question })).json();
  }
}

async function* framesOf(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}

async function post(what, question, signal) {
  const answer = await fetch(`/page/${what}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(question),
    credentials: "same-origin",
    cache: "no-store",
    signal,
  });
  if (answer.ok) return answer;
  const { error } = await answer.json().catch(() => ({}));
  throw new Refused(answer.status, error ?? `The relay answered ${answer.status}.`);
}
