// The page of the chat. The server keeps the conversation; this file shows it.

import { accountName, refreshAccount, serveAccounts } from "./account.js";
import { markComplete, renderMessage } from "./message.js";
import { showSession } from "./panel.js";
import { call, fetchHistory, fetchSession, Refused } from "./server.js";
import { TEXT } from "./text.js";

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

/** Why a reply was stopped that nobody may see any more. */
const LOGGED_OUT = "logged out";

// How often the panel looks at the session, in milliseconds. A look is no access.
const LOOK_INTERVAL = 30_000;

const state = {
  /** What is shown: { role, content, complete }, in order. */
  messages: [],
  /** Ends the reply that is streaming here; null when none is. */
  abort: null,
  /** True while it is found out whether a reply may be asked for. */
  asking: false,
  /** The session as last seen; null when there was none. */
  session: null,
  /** What isNew said in the last request that used the session. */
  isNew: false,
  /** True when what is shown belongs to a session that has ended: the only copy that is left. */
  past: false,
  away: false,
};

/* Showing messages */

function showMessages(messages) {
  state.past = false;
  delete page.messages.dataset.past;
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

/** Shows the controls that make sense now. */
function showControls() {
  const replying = state.abort !== null;
  const empty = state.messages.length === 0;
  page.welcome.hidden = !empty || replying;
  page.send.hidden = replying;
  page.stop.hidden = !replying;
  page.regenerate.hidden = replying || empty || state.past;
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

/** Shows the reply to a request as it comes. Answers false when the server did not take it. */
async function streamReply(path, options, begin = () => {}) {
  const abort = new AbortController();
  state.abort = abort;
  showControls();
  showStatus(TEXT.replying);
  let reply = null;
  try {
    const response = await call(path, { method: "POST", ...options, signal: abort.signal });
    online();
    begin();
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
      if (abort.signal.reason !== LOGGED_OUT) showStatus(TEXT.stopped);
      return true;
    }
    if (error instanceof Refused) {
      showStatus(error.message, "problem");
      // Bad gateway: the message is kept, and the model did not answer it.
      return error.status === 502;
    }
    if (!reply) {
      offline();
      return false;
    }
    showStatus(TEXT.brokeOff, "problem");
    return true;
  } finally {
    const follow = isAtEnd();
    state.abort = null;
    showControls();
    if (follow) scrollToEnd();
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

/**
 * Whether a reply may be asked for now. Not while one is on its way, nor for the second of two
 * quick clicks; and a session that ended is noticed before a message begins a new one unasked.
 */
async function mayAsk() {
  if (state.abort || state.asking) return false;
  state.asking = true;
  try {
    return (await look()) !== "ended";
  } finally {
    state.asking = false;
  }
}

async function say(message) {
  if (state.past) showMessages([]);
  if (!(await mayAsk())) return;
  page.composer.value = "";
  fitComposer();
  const mine = addMessage("user", message, true);
  const taken = await streamReply("/api/chat", {
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ message }),
  });
  if (!taken) takeBack(mine, message);
  await settle(taken);
}

/** Removes a message that the server did not take and puts its text back into the box. */
function takeBack(mine, message) {
  mine.item.remove();
  state.messages = state.messages.filter((it) => it !== mine.message);
  if (page.composer.value === "") page.composer.value = message;
  fitComposer();
}

async function regenerate() {
  if (!(await mayAsk())) return;
  page.composer.focus();
  const taken = await streamReply("/api/chat/regenerate", {}, dropLastReply);
  await settle(taken);
}

function dropLastReply() {
  if (state.messages.at(-1)?.role !== "assistant") return;
  state.messages.pop();
  page.messages.lastElementChild.remove();
}

/** After a reply: what other tabs said is shown too, and what the session is now. */
async function settle(taken) {
  const last = state.messages.at(-1);
  // The server may not know yet that this page stopped listening, and have less than is shown.
  if (!taken || last?.complete) await refresh();
  await look();
}

async function refresh() {
  if (state.abort || state.past) return;
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
  const before = state.session;
  const shown = state.messages.length > 0 && !state.past;
  let session;
  try {
    session = await fetchSession();
  } catch (error) {
    failed(error);
    return "unknown";
  }
  online();
  // A login, a logout or another look was faster, and this answer may be older.
  if (state.session !== before) return look();
  // A conversation without a session is one whose session ended before it was ever looked at. A
  // session that began when the one before did is the same: a login has changed its id.
  const ended = before === null ? shown && session === null : session?.created_at !== before.created_at;
  const wasLoggedIn = accountName() !== null;
  state.session = session;
  if (session?.fingerprint !== before?.fingerprint) await refreshAccount();
  if (ended) {
    state.isNew = false;
    await showEnded(session, wasLoggedIn);
  } else if (session?.full) {
    showStatus(TEXT.full, "problem");
  }
  showSession(session, state.isNew);
  return ended ? "ended" : "same";
}

/** The session that was shown has ended; another tab may have begun `next` already. */
async function showEnded(next, wasLoggedIn) {
  showStatus(wasLoggedIn ? TEXT.endedElsewhere : TEXT.ended, "problem");
  const messages = next && (await fetchHistory().catch(() => null));
  if (messages && !state.abort) {
    showMessages(messages);
  } else if (wasLoggedIn) {
    // Whoever ended it, to be safe from whoever sits here, does not want it to be read.
    showMessages([]);
  } else {
    state.past = true;
    page.messages.dataset.past = "";
    showControls();
  }
}

/* The account */

/** Somebody logged in here: the session is theirs, and so is the conversation. */
async function loggedIn(name) {
  if (state.past) showMessages([]);
  // Over another account it is a new session, which is no end that the visitor must be told of.
  state.session = null;
  showStatus(TEXT.loggedIn(name));
  page.composer.focus();
  await refresh();
  await look();
}

/** The session was ended here, and its conversation with it. */
async function loggedOut() {
  state.session = null;
  state.isNew = false;
  showMessages([]);
  showStatus(TEXT.loggedOut);
  page.composer.focus();
  await look();
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
  // In the account dialog it closes that.
  if (event.key !== "Escape" || event.isComposing || event.target.closest("dialog")) return;
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
setInterval(() => {
  if (document.visibilityState === "visible" && !state.abort) look();
}, LOOK_INTERVAL);

/* Begin */

serveAccounts({ loggedIn, loggedOut, look, stopReply: () => state.abort?.abort(LOGGED_OUT) });
showPanel(matchMedia("(min-width: 64rem)").matches);
showControls();
await refresh();
showControls();
await look();
page.composer.focus({ preventScroll: true });
