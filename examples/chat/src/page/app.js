// The page of the chat. The server keeps the conversation; this file shows it.

const $ = (id) => document.getElementById(id);
const page = {
  announcer: $("announcer"),
  composer: $("composer"),
  form: $("form"),
  messages: $("messages"),
  newConversation: $("new"),
  panel: $("session-panel"),
  panelToggle: $("panel-toggle"),
  regenerate: $("regenerate"),
  scroll: $("scroll"),
  send: $("send"),
  status: $("status"),
  stop: $("stop"),
  suggestions: $("suggestions"),
  welcome: $("welcome"),
};

const TEXT = {
  away: "The server does not answer. What you wrote is still here; try again in a moment.",
  back: "The server answers again.",
  brokeOff: "The reply broke off. What was said is kept.",
  ended: "Your session has ended, and the conversation with it. Send your message to begin a new one.",
  forgotten: "A new conversation.",
  full: "The conversation has reached its size limit. Start a new one to go on.",
  replying: "Replying…",
  stopped: "Stopped. What was said is kept.",
};

// How often the panel looks at the session, in milliseconds. A look is no access.
const LOOK_INTERVAL = 30_000;

const state = {
  /** What is shown: { role, content, complete }, in order. */
  messages: [],
  /** Ends the reply that is streaming here; null when none is. */
  abort: null,
  /** The session as last seen; null when there was none. */
  session: null,
  /** What isNew said in the last request that used the session. */
  isNew: false,
  /** When the session ends, on the clock of performance.now(). */
  endsAt: null,
  away: false,
};

/* Talking to the server */

/** An answer that is no success, with the text that the server gave. */
class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function call(path, options = {}) {
  const response = await fetch(path, { credentials: "same-origin", cache: "no-store", ...options });
  if (response.ok) return response;
  const text = await response.text().catch(() => "");
  let message = text || `The server answered ${response.status}.`;
  try {
    message = JSON.parse(text).error ?? message;
  } catch {
    // Not every refusal is JSON; its text is shown as it is.
  }
  throw new Refused(response.status, message);
}

const fetchHistory = async () => (await (await call("/api/chat")).json()).messages;

const fetchSession = async () => (await (await call("/api/session")).json()).session;

/* Showing messages */

function showMessages(messages) {
  if (JSON.stringify(messages) === JSON.stringify(state.messages)) return;
  state.messages = messages.map((message) => ({ ...message }));
  page.messages.replaceChildren(...state.messages.map(renderMessage));
  showControls();
  scrollToEnd();
}

function addMessage(role, content, complete) {
  const message = { role, content, complete };
  const item = renderMessage(message);
  state.messages.push(message);
  page.messages.append(item);
  showControls();
  scrollToEnd();
  return { message, item };
}

function renderMessage({ role, content, complete }) {
  const item = document.createElement("li");
  item.className = "message";
  item.dataset.testid = "message";
  item.dataset.role = role;
  const speaker = document.createElement("h2");
  speaker.className = "visually-hidden";
  speaker.textContent = role === "user" ? "You" : "Reply";
  const text = document.createElement("div");
  text.className = "content";
  text.dataset.testid = "content";
  text.dir = "auto";
  text.append(document.createTextNode(content));
  item.append(speaker, text);
  markComplete(item, complete);
  return item;
}

function markComplete(item, complete, streaming = false) {
  item.dataset.complete = String(complete);
  item.dataset.state = streaming ? "streaming" : complete ? "complete" : "incomplete";
  item.setAttribute("aria-busy", String(streaming));
  item.querySelector(".mark")?.remove();
  if (complete || streaming) return;
  const mark = document.createElement("p");
  mark.className = "mark";
  mark.textContent = "Incomplete: the reply stopped here.";
  item.append(mark);
}

/** Shows the controls that make sense now. */
function showControls() {
  const replying = state.abort !== null;
  const empty = state.messages.length === 0;
  page.welcome.hidden = !empty || replying;
  page.send.hidden = replying;
  page.stop.hidden = !replying;
  page.regenerate.hidden = replying || empty;
  page.newConversation.disabled = replying || empty;
  page.send.disabled = page.composer.value.trim() === "";
}

function showStatus(text, kind = "note") {
  page.status.dataset.kind = kind;
  if (page.status.textContent !== text) page.status.textContent = text;
}

const isAtEnd = () => page.scroll.scrollHeight - page.scroll.scrollTop - page.scroll.clientHeight < 80;

function scrollToEnd() {
  page.scroll.scrollTop = page.scroll.scrollHeight;
}

/* Streaming */

/** Shows the reply to `request` as it comes. Answers false when the server refused it. */
async function streamReply(request) {
  const abort = new AbortController();
  state.abort = abort;
  showControls();
  showStatus(TEXT.replying);
  let reply = null;
  try {
    const response = await call(request.path, { ...request.options, signal: abort.signal });
    online();
    state.isNew = response.headers.get("x-session-is-new") === "true";
    reply = addMessage("assistant", "", false);
    markComplete(reply.item, false, true);
    await readInto(reply, response.body);
    reply.message.complete = true;
    markComplete(reply.item, true);
    page.announcer.textContent = reply.message.content;
    showStatus("");
    return true;
  } catch (error) {
    if (reply) markComplete(reply.item, false);
    if (abort.signal.aborted) {
      showStatus(TEXT.stopped);
      return true;
    }
    if (error instanceof Refused) {
      showStatus(error.message, "problem");
      return false;
    }
    if (!reply) {
      offline();
      return false;
    }
    showStatus(TEXT.brokeOff, "problem");
    return true;
  } finally {
    state.abort = null;
    showControls();
  }
}

async function readInto(reply, body) {
  const text = reply.item.querySelector(".content").firstChild;
  const decoder = new TextDecoder();
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    const piece = decoder.decode(value, { stream: !done });
    const follow = isAtEnd();
    text.appendData(piece);
    reply.message.content += piece;
    if (follow) scrollToEnd();
    if (done) return;
  }
}

async function say(message) {
  if (state.abort) return;
  // A session that ended is noticed before the message begins a new one unasked.
  if ((await look()) === "ended") return;
  page.composer.value = "";
  fitComposer();
  const mine = addMessage("user", message, true);
  const taken = await streamReply({
    path: "/api/chat",
    options: {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ message }),
    },
  });
  if (!taken) await takeBack(mine, message);
  await settle(taken);
}

/** Removes a message that the server did not keep and puts its text back into the box. */
async function takeBack(mine, message) {
  const kept = await fetchHistory().catch(() => null);
  if (kept?.some((it) => it.role === "user" && it.content === message) && kept.length >= state.messages.length) {
    return;
  }
  mine.item.remove();
  state.messages = state.messages.filter((it) => it !== mine.message);
  if (page.composer.value === "") page.composer.value = message;
  fitComposer();
  showControls();
}

async function regenerate() {
  if (state.abort) return;
  if ((await look()) === "ended") return;
  const last = state.messages.at(-1);
  if (last?.role === "assistant") {
    state.messages.pop();
    page.messages.lastElementChild.remove();
  }
  page.composer.focus();
  const taken = await streamReply({ path: "/api/chat/regenerate", options: { method: "POST" } });
  await settle(taken);
}

/** After a reply: what other tabs said is shown too, and what the session is now. */
async function settle(taken) {
  const last = state.messages.at(-1);
  // The server may not know yet that this page stopped listening, and have less than is shown.
  if (!taken || last?.complete) await refresh();
  await look();
}

async function refresh() {
  if (state.abort) return;
  try {
    const messages = await fetchHistory();
    online();
    if (!state.abort) showMessages(messages);
  } catch (error) {
    failed(error);
  }
}

async function forget() {
  if (state.abort) return;
  try {
    await call("/api/chat", { method: "DELETE" });
    online();
    showMessages([]);
    showStatus(TEXT.forgotten);
    await look();
  } catch (error) {
    failed(error);
  }
  page.composer.focus();
}

/* The session panel */

/** Looks at the session without using it. Answers "ended" when the one shown is no more. */
async function look() {
  let session;
  try {
    session = await fetchSession();
  } catch (error) {
    failed(error);
    return "unknown";
  }
  online();
  const before = state.session;
  const ended = before !== null && session?.fingerprint !== before.fingerprint;
  state.session = session;
  state.endsAt = session?.ends_in == null ? null : performance.now() + session.ends_in;
  if (ended) {
    state.isNew = false;
    const other = session ? await fetchHistory().catch(() => []) : [];
    if (!state.abort) showMessages(other);
    showStatus(TEXT.ended, "problem");
  } else if (session?.full) {
    showStatus(TEXT.full, "problem");
  }
  showSession();
  return ended ? "ended" : "same";
}

const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const bytes = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

function showSession() {
  const session = state.session;
  $("no-session").hidden = session !== null;
  $("facts").hidden = session === null;
  if (session === null) return;
  $("is-new").textContent = state.isNew ? "yes: this page has not used it before" : "no";
  showTime($("created"), session.created_at);
  showTime($("accessed"), session.last_accessed_at);
  $("fingerprint").textContent = session.fingerprint;
  $("size").textContent = `${bytes.format(session.size / 1024)} of ${bytes.format(session.size_limit / 1024)} KiB`;
  $("meter").value = session.size / session.size_limit;
  showTimeLeft();
}

function showTime(element, millis) {
  const date = new Date(millis);
  element.dateTime = date.toISOString();
  element.textContent = dateTime.format(date);
}

function showTimeLeft() {
  if (state.session === null) return;
  if (state.endsAt === null) {
    $("left").textContent = "no limit";
    return;
  }
  const seconds = Math.max(0, Math.round((state.endsAt - performance.now()) / 1000));
  const two = (number) => String(number).padStart(2, "0");
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  $("left").textContent = clock.map(two).join(":");
}

function showPanel(open) {
  page.panel.hidden = !open;
  page.panelToggle.setAttribute("aria-expanded", String(open));
  if (open) look();
}

/* Whether the server is there */

function online() {
  if (!state.away) return;
  state.away = false;
  showStatus(TEXT.back);
}

function offline() {
  state.away = true;
  showStatus(TEXT.away, "problem");
}

function failed(error) {
  if (error instanceof Refused) showStatus(error.message, "problem");
  else offline();
}

/* Keys and clicks */

function fitComposer() {
  showControls();
  if (CSS.supports("field-sizing", "content")) return;
  page.composer.style.height = "auto";
  page.composer.style.height = `${page.composer.scrollHeight}px`;
}

page.form.addEventListener("submit", (event) => {
  event.preventDefault();
  const message = page.composer.value;
  if (message.trim() === "") return;
  page.composer.focus();
  say(message);
});

page.composer.addEventListener("input", fitComposer);

page.composer.addEventListener("keydown", (event) => {
  // Enter also ends the composition of an input method; Safari tells by the code 229 alone.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  if (!state.abort) page.form.requestSubmit();
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.isComposing) return;
  if (state.abort) stop();
  else if (!page.panel.hidden && page.panel.contains(document.activeElement)) page.panelToggle.click();
});

function stop() {
  state.abort?.abort();
  page.composer.focus();
}

page.stop.addEventListener("click", stop);
page.regenerate.addEventListener("click", regenerate);
page.newConversation.addEventListener("click", forget);
page.panelToggle.addEventListener("click", () => showPanel(page.panel.hidden));
page.suggestions.addEventListener("click", (event) => {
  const suggestion = event.target.closest("button");
  if (!suggestion) return;
  page.composer.focus();
  say(suggestion.textContent);
});

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState !== "visible") return;
  refresh().then(look);
});
window.addEventListener("online", () => refresh().then(look));
setInterval(showTimeLeft, 1000);
setInterval(() => {
  if (document.visibilityState === "visible" && !state.abort) look();
}, LOOK_INTERVAL);

/* Begin */

showPanel(matchMedia("(min-width: 64rem)").matches);
showControls();
await refresh();
showControls();
await look();
page.composer.focus({ preventScroll: true });
