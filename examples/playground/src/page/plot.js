// The live sessions over time, drawn as SVG from samples.

const SVG = "http://www.w3.org/2000/svg";

/** Room around the drawing for what is written beside it, in pixels. */
const MARGIN = { top: 10, right: 12, bottom: 22, left: 40 };

/** A plot is at least this long, so that the first samples are not drawn apart, in milliseconds. */
const SPAN_MIN = 60_000;

/** Samples further apart than this have nothing known between them, in milliseconds. */
const GAP = 20_000;

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false });

/**
 * Draws samples, each a moment in milliseconds and a number, the oldest first, into `svg` at the
 * size that it has on the page.
 */
export function draw(svg, samples) {
  const { width, height } = svg.getBoundingClientRect();
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.dataset.samples = String(samples.length);
  if (samples.length === 0) return svg.replaceChildren();

  const end = samples.at(-1)[0];
  const start = Math.min(samples[0][0], end - SPAN_MIN);
  const top = roundedUp(Math.max(...samples.map(([, number]) => number)));
  const x = (at) => MARGIN.left + ((at - start) / (end - start)) * (width - MARGIN.left - MARGIN.right);
  const y = (number) => height - MARGIN.bottom - (number / top) * (height - MARGIN.top - MARGIN.bottom);

  const runs = withoutGaps(samples).map((run) => run.map(([at, number]) => [x(at), y(number)]));
  const [, now] = samples.at(-1);
  svg.replaceChildren(
    ...[0, top / 2, top].flatMap((number) => level(number, y(number), width)),
    text(clock.format(start), { x: MARGIN.left, y: height - 6 }),
    text(clock.format(end), { x: width - MARGIN.right, y: height - 6, "text-anchor": "end" }),
    ...runs.map((run) => shape("path", { class: "area", d: `${path(run)} V ${y(0)} H ${run[0][0]} Z` })),
    ...runs.map((run) => shape("path", { class: "line", d: path(run) })),
    shape("circle", { class: "now", cx: x(end), cy: y(now), r: 3.5 }),
  );
}

/** A line across the plot with its number. */
function level(number, at, width) {
  return [
    shape("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: at, y2: at }),
    text(String(number), { x: MARGIN.left - 8, y: at + 4, "text-anchor": "end" }),
  ];
}

/** The number of sessions holds until the next sample, so the line goes in steps. */
function path(run) {
  const [[x, y], ...rest] = run;
  return `M ${x} ${y} ${rest.map(([nextX, nextY]) => `H ${nextX} V ${nextY}`).join(" ")}`;
}

function withoutGaps(samples) {
  const runs = [[samples[0]]];
  for (const sample of samples.slice(1)) {
    const run = runs.at(-1);
    if (sample[0] - run.at(-1)[0] > GAP) runs.push([sample]);
    else run.push(sample);
  }
  return runs;
}

/** An even number that is not below `number`: 2, 4 or 10 times a power of ten. */
function roundedUp(number) {
  const power = 10 ** Math.floor(Math.log10(Math.max(number, 1)));
  return [2, 4, 10].map((step) => step * power).find((step) => step >= number);
}

function text(content, attributes) {
  const made = shape("text", attributes);
  made.textContent = content;
  return made;
}

function shape(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
