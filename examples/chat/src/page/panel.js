// The session panel: shows what the server says of the session.

const $ = (id) => document.getElementById(id);
const dateTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

/** When the session ends, on the clock of performance.now(); null for never. */
let endsAt = null;

/** Shows `session`, null for none, and what isNew said in the last request that used it. */
export function showSession(session, isNew) {
  $("no-session").hidden = session !== null;
  $("facts").hidden = session === null;
  if (session === null) return;
  $("is-new").textContent = isNew ? "yes: the last message began it" : "no";
  showTime($("created"), session.created_at);
  showTime($("accessed"), session.last_accessed_at);
  $("fingerprint").textContent = session.fingerprint;
  $("size").textContent = `${kibibytes(session.size)} of ${kibibytes(session.size_limit)} KiB`;
  $("meter").value = session.size / session.size_limit;
  endsAt = session.ends_in === null ? null : performance.now() + session.ends_in;
  showTimeLeft();
}

const kibibytes = (bytes) => number.format(bytes / 1024);

function showTime(element, millis) {
  const date = new Date(millis);
  element.dateTime = date.toISOString();
  element.textContent = dateTime.format(date);
}

function showTimeLeft() {
  $("left").textContent = endsAt === null ? "no limit" : clock(endsAt - performance.now());
}

function clock(millis) {
  const seconds = Math.max(0, Math.round(millis / 1000));
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}

setInterval(showTimeLeft, 1000);
