// The administrator's page: the figures of all sessions, asked for again and again, and the
// sessions of a principal, which can be ended.

import { element, moment } from "./dom.js";
import { draw } from "./plot.js";

const $ = (id) => document.getElementById(id);

/** How often the figures are asked for, in milliseconds. */
const INTERVAL = 2_000;

/** How much of the past the plot shows, in milliseconds: as much as the server keeps. */
const SHOWN = 60 * 60_000;

const AWAY = "The server does not answer. This page tries again by itself.";

const COUNTS = [
  ["created", "Created"],
  ["expired", "Expired"],
  ["invalidated", "Ended before their time"],
];

/** Moments and numbers of live sessions, the oldest first. */
let samples = [];

/** Whose sessions are listed; null for nobody's. */
let listed = null;

/** The question of the figures that is under way. */
let asking = null;

const tell = (sentence) => {
  $("status").textContent = sentence;
};

/** An answer of the server that is no success. */
class Refused extends Error {}

/** Does what the visitor asked for, and says so when that fails. */
async function attempt(action) {
  try {
    await action();
    complain("");
  } catch (error) {
    complain(messageOf(error));
  }
}

const messageOf = (error) => (error instanceof Refused ? error.message : AWAY);

function complain(message) {
  $("trouble").textContent = message;
  $("trouble").hidden = message === "";
}

async function ask(path, order) {
  const options = order && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(order) };
  const answer = await fetch(path, { credentials: "same-origin", cache: "no-store", ...options });
  if (answer.status === 204) return null;
  const body = await answer.json();
  if (!answer.ok) throw new Refused(body.error);
  return body;
}

/** Asks for the figures and shows them; whoever asks meanwhile waits for the same answer. */
function look() {
  asking ??= ask(`/admin/figures?since=${samples.at(-1)?.[0] ?? 0}`)
    .then(show)
    // What else went wrong stays to be read.
    .then(() => $("trouble").textContent === AWAY && complain(""))
    .catch((error) => complain(messageOf(error)))
    .finally(() => {
      asking = null;
    });
  return asking;
}

/** The figures after something was done: an answer that is under way may be of before. */
async function lookAgain() {
  await asking;
  await look();
}

function show(figures) {
  samples = [...samples, ...figures.samples].filter(([at]) => figures.now - at < SHOWN);
  const { live, store_calls: calls, ...lives } = figures.stats;
  $("live").textContent = String(live);
  draw($("plot"), samples);
  $("plot-caption").textContent = captionOf(samples);
  showAges(figures.by_age);
  $("counts").replaceChildren(...COUNTS.map(([name, label]) => fact(label, lives[name])));
  $("ends").replaceChildren(...rowsOf(figures.ends));
  $("calls").replaceChildren(...rowsOf(calls));
  document.body.dataset.ready = "true";
}

function captionOf(samples) {
  const numbers = samples.map(([, number]) => number);
  const minutes = Math.max(1, Math.round((samples.at(-1)[0] - samples[0][0]) / 60_000));
  const past = minutes === 1 ? "the last minute" : `the last ${minutes} minutes`;
  return `${numbers.at(-1)} now; between ${Math.min(...numbers)} and ${Math.max(...numbers)} in ${past}.`;
}

function showAges(classes) {
  const most = Math.max(1, ...classes.map(({ sessions }) => sessions));
  const rows = classes.map(({ at_most, sessions }, place) => {
    const bar = element("div", { className: "bar", data: { empty: String(sessions === 0) } });
    bar.style.width = `${(sessions / most) * 100}%`;
    const age = at_most === null ? `older than ${span(classes[place - 1].at_most)}` : `up to ${span(at_most)}`;
    return element(
      "tr",
      {},
      element("th", { scope: "row", textContent: age }),
      element("td", { ariaHidden: "true" }, bar),
      element("td", { className: "digits", textContent: String(sessions) }),
    );
  });
  $("ages").replaceChildren(...rows);
}

function span(seconds) {
  const [unit, length] = [["week", 604_800], ["day", 86_400], ["hour", 3_600], ["minute", 60]].find(([, length]) => seconds >= length);
  const count = seconds / length;
  return count === 1 ? `a${unit === "hour" ? "n" : ""} ${unit}` : `${count} ${unit}s`;
}

function fact(name, value) {
  return element("div", {}, element("dt", { textContent: name }), element("dd", { className: "digits", textContent: String(value) }));
}

function rowsOf(counts) {
  return Object.entries(counts).map(([name, count]) =>
    element(
      "tr",
      { data: { zero: String(count === 0), name } },
      element("th", { scope: "row", textContent: name.replaceAll("_", " ") }),
      element("td", { className: "digits", textContent: String(count) }),
    ),
  );
}

async function list(principal) {
  const { sessions } = await ask(`/admin/sessions?${new URLSearchParams({ principal })}`);
  listed = principal;
  const found = sessions.length === 1 ? "1 live session" : `${sessions.length} live sessions`;
  tell(`${principal}: ${found}`);
  if (sessions.length === 0) {
    $("theirs").replaceChildren(element("p", { className: "none", textContent: `${principal} has no live session.` }));
    return;
  }
  const head = ["label", "created", "logged in", "last access", "expires", "handle", ""];
  $("theirs").replaceChildren(
    element(
      "table",
      {},
      element("caption", { textContent: `${principal}: ${found}` }),
      element("thead", {}, element("tr", {}, ...head.map((text) => element("th", { scope: "col", textContent: text })))),
      element("tbody", {}, ...sessions.map((session) => rowOf(principal, session))),
    ),
    endButton("End all of them", `End all sessions of ${principal}`, "end-all", () => endAll(principal)),
  );
}

function rowOf(principal, session) {
  const cell = (label, ...content) => element("td", { className: "digits", data: { label } }, ...content);
  return element(
    "tr",
    { data: { handle: session.handle } },
    element("th", { scope: "row", textContent: session.label ?? "no label" }),
    cell("created", moment(session.creation_time)),
    cell("logged in", moment(session.authenticated_at)),
    cell("last access", moment(session.last_accessed_time)),
    cell("expires", session.expires_at === null ? "never" : moment(session.expires_at)),
    cell("handle", element("code", { textContent: session.handle })),
    element("td", {}, endButton("End", `End the session ${session.label ?? session.handle} of ${principal}`, "end", () => end(principal, session))),
  );
}

function endButton(textContent, ariaLabel, testid, act) {
  return element("button", { type: "button", className: "ends", textContent, ariaLabel, data: { testid }, onclick: () => attempt(act) });
}

async function end(principal, { handle, label }) {
  await orderOf(principal, "end", { principal, handle });
  tell(`The session ${label ?? handle} of ${principal} is ended`);
}

async function endAll(principal) {
  const { ended } = await orderOf(principal, "end-all", { principal });
  tell(`${ended} of ${principal} ended`);
}

/** Orders something to be done to the sessions of a principal, and shows what is left of them. */
async function orderOf(principal, what, order) {
  try {
    return await ask(`/admin/${what}`, order);
  } finally {
    await Promise.all([list(principal), lookAgain()]);
    // The button that had the focus is gone with its row.
    ($("theirs").querySelector("button") ?? $("principal")).focus({ preventScroll: true });
  }
}

async function logEveryoneOut() {
  await ask("/admin/log-everyone-out", {});
  await Promise.all([listed === null ? null : list(listed), lookAgain()]);
  tell("Everybody is logged out");
}

$("find").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(() => list($("principal").value.trim()));
});

$("log-everyone-out").addEventListener("click", () => {
  $("confirm-live").textContent = `${$("live").textContent} sessions are live.`;
  $("confirm").returnValue = "";
  $("confirm").showModal();
});

$("confirm").addEventListener("close", () => {
  if ($("confirm").returnValue === "yes") attempt(logEveryoneOut);
});

new ResizeObserver(() => draw($("plot"), samples)).observe($("plot"));

// A page that nobody sees asks for nothing.
setInterval(() => {
  if (!document.hidden) look();
}, INTERVAL);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) look();
});
look();
