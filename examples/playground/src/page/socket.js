// A WebSocket in the log of a browser: its handshake like any other exchange, then a console.

import { element } from "./dom.js";
import { Entry } from "./entry.js";

export class SocketEntry extends Entry {
  /** `hangUp` closes the socket; `say` takes its number and a line. */
  constructor(transport, hangUp, say) {
    super({ method: "GET", path: "/ws" }, transport, hangUp);
    this.abort.textContent = "Hang up";
    this.number = null;
    this.line = element("input", {
      name: "line",
      value: "increment count",
      autocomplete: "off",
      spellcheck: false,
      autocapitalize: "off",
      ariaLabel: "Line to send",
      data: { testid: "line" },
    });
    this.lines = element("ol", { className: "lines", tabIndex: 0, ariaLabel: "Lines and answers", data: { testid: "lines" } });
    this.lines.setAttribute("role", "log");
    this.form = element(
      "form",
      { className: "say", hidden: true, data: { testid: "say" } },
      this.line,
      element("button", { className: "plain", textContent: "Send" }),
    );
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      say(this.number, this.line.value);
    });
    this.abort.after(element("div", { className: "console" }, this.lines, this.form));
  }

  take(frame) {
    if (frame.frame === "line") this.#add("asked", frame.text);
    else if (frame.frame === "answer") this.#add(frame.text.startsWith("error: ") ? "refused" : "answered", frame.text);
    else if (frame.frame === "closed") this.#close(frame.code);
    else super.take(frame);
    if (frame.frame === "head" && frame.status === 101) this.#open(frame.socket);
  }

  end(state, reason) {
    super.end(state, reason);
    this.form.remove();
  }

  #open(number) {
    this.number = number;
    this.form.hidden = false;
    // Whoever went on to something else meanwhile is not called back.
    if (document.activeElement?.dataset.testid?.startsWith("socket-")) this.line.focus({ preventScroll: true });
  }

  #close(code) {
    this.#add("closed", `closed by the server${code === null ? "" : `, code ${code}`}`);
    this.end("complete");
  }

  #add(sort, text) {
    this.lines.append(element("li", { data: { sort } }, element("code", { textContent: text })));
    this.lines.scrollTop = this.lines.scrollHeight;
  }
}
