// The account dialog: logging in and out, creating an account, and "your devices".

import { call, Refused } from "./server.js";

const $ = (id) => document.getElementById(id);
const page = {
  close: $("account-close"),
  devices: $("devices"),
  dialog: $("account"),
  endOthers: $("end-others"),
  lead: $("account-lead"),
  login: $("login"),
  logOut: $("log-out"),
  note: $("account-note"),
  open: $("account-open"),
  own: $("own"),
  problem: $("account-problem"),
  register: $("register"),
  title: $("account-title"),
  toLogin: $("to-login"),
  toRegister: $("to-register"),
  who: $("account-who"),
};

const TEXT = {
  away: "The server does not answer. Try again in a moment.",
  created: "Created",
  end: "End",
  ended: "That session has ended.",
  keepsConversation: "The conversation of this page goes on under your account.",
  loggedIn: (name) => `You are logged in as ${name}.`,
  logIn: "Log in",
  noneEnded: "You are logged in nowhere else.",
  othersEnded: (count) => (count === 1 ? "One other session has ended." : `${count} other sessions have ended.`),
  register: "Create an account",
  thisDevice: "This device",
  used: "Last used",
  yourAccount: "Your account",
};

// Without the year: sessions live for weeks.
const dateTime = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" });

/** Who is logged in, as far as this page knows; null for nobody. */
let name = null;

/** What the chat does when the account changes: loggedIn(name), loggedOut(), look(), stopReply(). */
let chat;

/** Makes the dialog work. */
export function serveAccounts(chatToTell) {
  chat = chatToTell;
}

/** Who is logged in, as last seen. */
export const accountName = () => name;

/** Asks the server who is logged in. Nothing changes when it does not answer. */
export async function refreshAccount() {
  try {
    const { account } = await (await call("/api/account")).json();
    showAccount(account);
  } catch {
    // Whoever asked has asked for the session too, and says so.
  }
}

function showAccount(account) {
  const before = name;
  name = account?.name ?? null;
  page.who.textContent = name ?? TEXT.logIn;
  page.open.setAttribute("aria-label", name === null ? TEXT.logIn : `Account: ${name}`);
  if (before !== name && page.dialog.open) page.dialog.close();
}

/* The dialog */

function showDialog() {
  showView(name === null ? page.login : page.own);
  page.dialog.showModal();
  if (name === null) page.login.elements.name.focus();
  else page.title.focus();
}

function showView(view) {
  for (const other of [page.login, page.register, page.own]) other.hidden = other !== view;
  const title = { login: TEXT.logIn, register: TEXT.register, own: TEXT.yourAccount };
  page.title.textContent = title[view.id];
  page.lead.textContent = view === page.own ? TEXT.loggedIn(name) : TEXT.keepsConversation;
  showProblem("");
  page.note.textContent = "";
  page.devices.replaceChildren();
  if (view === page.own) showDevices();
}

function showProblem(text) {
  page.problem.textContent = text;
}

/** Does something that asks the server, and shows why it did not work. */
async function attempt(action) {
  showProblem("");
  try {
    await action();
  } catch (error) {
    showProblem(error instanceof Refused ? error.message : TEXT.away);
    // The session may have ended meanwhile; the chat shows what became of it.
    if (error.status === 401 && name !== null) await chat.look();
  }
}

/* Logging in and out */

for (const form of [page.login, page.register]) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(() => enter(form));
  });
}

async function enter(form) {
  const { name: nameField, password, remember } = form.elements;
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  try {
    const credentials = { name: nameField.value, password: password.value, remember: remember.checked };
    const { account } = await (await send(`/api/account/${form.id}`, credentials)).json();
    form.reset();
    showAccount(account);
    await chat.loggedIn(account.name);
  } catch (error) {
    password.select();
    password.focus();
    throw error;
  } finally {
    button.disabled = false;
  }
}

const send = (path, body) =>
  call(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

async function logOut() {
  chat.stopReply();
  await call("/api/account/logout", { method: "POST" });
  await left();
}

async function left() {
  showAccount(null);
  await chat.loggedOut();
}

/* Your devices */

async function showDevices() {
  await attempt(async () => {
    const { devices } = await (await call("/api/account/devices")).json();
    devices.sort((a, b) => b.current - a.current || b.last_accessed_at - a.last_accessed_at);
    page.devices.replaceChildren(...devices.map(renderDevice));
    page.endOthers.disabled = devices.length < 2;
  });
}

function renderDevice(device) {
  const item = document.createElement("li");
  item.dataset.testid = "device";
  item.dataset.current = String(device.current);
  const label = document.createElement("strong");
  label.textContent = device.label ?? "";
  const facts = document.createElement("div");
  facts.append(label);
  if (device.current) facts.append(textElement("span", TEXT.thisDevice, "here"));
  facts.append(timeLine(TEXT.created, device.created_at), timeLine(TEXT.used, device.last_accessed_at));
  item.append(facts, endButton(device));
  return item;
}

function textElement(tag, text, className) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

function timeLine(what, millis) {
  const line = textElement("p", `${what} `, "hint");
  const time = document.createElement("time");
  const date = new Date(millis);
  time.dateTime = date.toISOString();
  time.textContent = dateTime.format(date);
  line.append(time);
  return line;
}

function endButton(device) {
  const button = textElement("button", TEXT.end, "plain");
  button.type = "button";
  // All of these say the same to the eye, and the device stands beside them.
  button.append(textElement("span", ` the session of ${device.label}${device.current ? ", this device" : ""}`, "visually-hidden"));
  button.addEventListener("click", () => attempt(() => end(device)));
  return button;
}

async function end(device) {
  if (device.current) chat.stopReply();
  try {
    await call(`/api/account/devices/${device.handle}`, { method: "DELETE" });
  } catch (error) {
    // Somebody was faster: it has ended, which is what was wanted.
    if (error.status !== 404) throw error;
  }
  if (device.current) await left();
  else await showEnded(TEXT.ended);
}

async function endOthers() {
  const answer = await call("/api/account/devices", { method: "DELETE" });
  const { ended } = await answer.json();
  await showEnded(ended === 0 ? TEXT.noneEnded : TEXT.othersEnded(ended));
}

async function showEnded(text) {
  await showDevices();
  page.note.textContent = text;
  // The button that was pressed is gone, and the focus with it.
  page.title.focus();
}

/* Keys and clicks */

page.open.addEventListener("click", showDialog);
page.close.addEventListener("click", () => page.dialog.close());
page.toRegister.addEventListener("click", () => switchTo(page.register, page.login));
page.toLogin.addEventListener("click", () => switchTo(page.login, page.register));
page.logOut.addEventListener("click", () => attempt(logOut));
page.endOthers.addEventListener("click", () => attempt(endOthers));

function switchTo(form, from) {
  form.elements.name.value = from.elements.name.value;
  showView(form);
  form.elements.name.focus();
}

// The name that was typed stays until the page goes, and no password does.
page.dialog.addEventListener("close", () => {
  for (const form of [page.login, page.register]) form.elements.password.value = "";
});
