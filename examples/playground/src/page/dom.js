// Making elements. Text always goes in as text: nothing the server says is ever parsed as HTML.

/** A new element with properties, `data-` attributes under `data`, and children. */
export function element(tag, { data = {}, attributes = {}, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  Object.assign(made.dataset, data);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null));
  return made;
}

const parts = { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false };
const clock = new Intl.DateTimeFormat(undefined, parts);
const exactClock = new Intl.DateTimeFormat(undefined, { ...parts, fractionalSecondDigits: 3 });

/** A moment given in milliseconds since the epoch, to be read as a time of day. */
export function moment(millis, { exact = false } = {}) {
  const date = new Date(millis);
  const text = (exact ? exactClock : clock).format(date);
  return element("time", { dateTime: date.toISOString(), title: date.toLocaleString() }, text);
}

/** The pieces of a path with its query, which may break into lines between its parameters. */
export function breakable(path) {
  return path.split(/(?<=[?&])/).flatMap((piece) => [piece, element("wbr")]);
}
