// One message of the conversation as an element.

/** The element that shows a message. */
export function renderMessage({ role, content, complete }) {
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

/** Shows whether the text of a message is all of it. */
export function markComplete(item, complete, streaming = false) {
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
