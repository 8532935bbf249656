// Parallel increments in both modes: the naive one loses what the atomic one counts.

import { element } from "./dom.js";

/** As many requests as a browser sends to one host at a time, less one for looking (HTTP/1.1). */
const RUNNERS = 5;

/** How long each lies between reading and writing, in milliseconds: long enough to overlap. */
const DELAY = 150;

const MODES = [
  { mode: "getset", counter: "race-getset", title: "get, then set" },
  { mode: "update", counter: "race-update", title: "update in one step" },
];

/** Runs both races as `pane` and shows them in its log. */
export async function race(pane) {
  const lanes = element("div", { className: "lanes" });
  const entry = element(
    "details",
    { className: "entry race", data: { testid: "race", state: "running" } },
    element("summary", {}, element("span", { className: "method", textContent: "RACE" }), `${RUNNERS} parallel increments, both ways`),
    element("div", { className: "inside" }, lanes),
  );
  pane.add(entry);
  const results = [];
  for (const { mode, counter, title } of MODES) {
    const path = `/attributes/${counter}`;
    await pane.ask({ method: "PUT", path, body: "0" });
    const run = () => pane.ask({ method: "POST", path: `${path}/increment?mode=${mode}&delay_ms=${DELAY}` });
    const answers = await Promise.all(Array.from({ length: RUNNERS }, run));
    const session = await pane.look();
    const result = { mode, title, total: session.attributes[counter] ?? 0, answers };
    results.push(result);
    lanes.append(lane(result));
  }
  entry.dataset.state = "complete";
  pane.tell(`Browser ${pane.name}: ${results.map(({ mode, total }) => `${mode} counted ${total} of ${RUNNERS}`).join(", ")}`);
  await pane.changed();
}

function lane({ mode, title, total, answers }) {
  const lost = RUNNERS - total;
  const runners = answers.map(({ status, text }) => element("li", {}, element("code", { textContent: status === 200 ? JSON.parse(text).value : `status ${status}` })));
  return element(
    "section",
    { className: "lane", data: { testid: `lane-${mode}`, total: String(total), lost: String(lost > 0) } },
    element("h4", {}, element("code", { textContent: `mode=${mode}` }), ` ${title}`),
    element("meter", { min: 0, max: RUNNERS, value: total, ariaLabel: "increments that count" }),
    element("p", {}, element("strong", { textContent: `${total} of ${RUNNERS}` }), lost > 0 ? `: ${lost} lost` : ": none lost"),
    element("p", { className: "none", textContent: "Values answered:" }),
    element("ul", { className: "answers" }, ...runners),
  );
}
