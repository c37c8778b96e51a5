// The loss curve as an SVG: every step faint, its smoothed course bold, validation as points, read against round ticks.
// It is one string without script, font or picture from elsewhere, and follows the reader's light or dark page.

import { checkOptions, kind, type OptionTable } from "../base/options.js";
import { round, text, xml } from "../base/svg.js";
import { clamp, HEIGHT, PLOT, scaleLosses, scaleSteps, WIDTH } from "./chart-scales.js";
import { bucketMedians, envelope, type Point, smooth } from "./curve.js";

/** What `lossChart` draws. */
export interface LossHistory {
  /** [step, loss] of the training batches; a loss may be NaN or infinite. */
  readonly train: readonly (readonly [step: number, loss: number])[];
  /** [step, loss] of the held-back text. */
  readonly validation: readonly (readonly [step: number, loss: number])[];
  readonly title: string;
}

const POINTS = kind<LossHistory["train"]>(
  "an array of [step, loss]",
  (x) => Array.isArray(x) && x.every((point) => Array.isArray(point) && point.length === 2),
);
const HISTORY: OptionTable<LossHistory> = {
  train: POINTS,
  validation: POINTS,
  title: kind<string>("a string", (x) => typeof x === "string"),
};

const MOST_POINTS = 800;
const MARGIN = 24;

const STYLE = `
  text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; font-variant-numeric: tabular-nums; fill: #57606a }
  .page { fill: #ffffff } .title { font-size: 19px; font-weight: 650; fill: #1f2328 } .label { font-weight: 600 }
  .grid { stroke: #e6e9ed } .axis { stroke: #b6bdc5 } .stop { stroke: #cf222e; stroke-dasharray: 4 4 } .stopped { fill: #cf222e }
  path { fill: none; stroke-linejoin: round; stroke-linecap: round }
  .raw { stroke: #2f6fde; stroke-opacity: 0.36 } .train { stroke: #2f6fde; stroke-width: 2.5 }
  .validation { stroke: #d9570d; stroke-width: 1.75 } .dot { fill: #d9570d; stroke: #ffffff; stroke-width: 1.5 }
  .one { fill: #2f6fde } .train-label { fill: #1f5cc4 } .validation-label { fill: #b8460a }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1 } .page { fill: #0d1117 } .title { fill: #f0f6fc } .grid { stroke: #21262d } .axis { stroke: #4a525c }
    .raw { stroke: #6ea8ff; stroke-opacity: 0.42 } .train { stroke: #6ea8ff } .one { fill: #6ea8ff }
    .validation { stroke: #ffa657 } .dot { fill: #ffa657; stroke: #0d1117 } .train-label { fill: #8bbaff }
    .validation-label { fill: #ffb675 } .stop { stroke: #ff7b72 } .stopped { fill: #ff7b72 }
  }`;

/** The history of a training run as an SVG document of 880 by 460; any number of points, none included. */
export function lossChart(history: LossHistory): string {
  checkOptions("lossChart", history, HISTORY);
  const { train = [], validation = [], title = "" } = history;
  const raw = inOrder(train);
  const held = inOrder(validation);
  const finite = raw.filter(isFinitePoint);
  const course = finite.length < 24 ? finite : smooth(bucketMedians(finite, MOST_POINTS / 2));
  const points = held.filter(isFinitePoint);
  const broken = [...raw, ...held].find((point) => !isFinitePoint(point));
  const spoken = [title, summary(course, points, finite.at(-1)?.[0])].filter(Boolean).join(". ");
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img">`,
    `<title>${xml(spoken)}</title>`,
    `<style>${STYLE}\n</style>`,
    `<clipPath id="plot"><rect x="${PLOT.left}" y="${PLOT.top}" width="${PLOT.right - PLOT.left}" height="${PLOT.bottom - PLOT.top}"/></clipPath>`,
    `<rect class="page" width="${WIDTH}" height="${HEIGHT}" rx="8"/>`,
    text(MARGIN, 38, title.length > 78 ? `${title.slice(0, 77)}…` : title, { name: "title" }),
    text(MARGIN, 61, summary(course, points, finite.at(-1)?.[0])),
  ];
  if (course.length + points.length === 0) {
    parts.push(
      text(WIDTH / 2, HEIGHT / 2, broken ? `${broken[1]} at step ${grouped(broken[0])}` : "no loss yet", {
        anchor: "middle",
      }),
    );
    return [...parts.filter(Boolean), "</svg>\n"].join("\n");
  }
  const x = scaleSteps([...raw, ...held].map(([step]) => step));
  const y = scaleLosses(finite, [...course, ...points]);
  const place = ([step, loss]: Point): Point => [x.at(step), y.at(loss)];

  for (const tick of y.ticks) {
    parts.push(`<path class="grid" d="M${PLOT.left} ${round(y.at(tick))}H${PLOT.right}"/>`);
    parts.push(text(PLOT.left - 10, y.at(tick) + 4.5, tick.toFixed(y.decimals), { anchor: "end" }));
  }
  parts.push(`<path class="axis" d="M${PLOT.left} ${PLOT.bottom}H${PLOT.right}"/>`);
  for (const tick of x.ticks) {
    parts.push(`<path class="axis" d="M${round(x.at(tick))} ${PLOT.bottom}v5"/>`);
    parts.push(text(x.at(tick), PLOT.bottom + 22, grouped(tick), { anchor: "middle" }));
  }
  parts.push(text(MARGIN, PLOT.top - 14, "loss"), text(PLOT.right + 32, PLOT.bottom + 22, "step"));

  if (broken) {
    const at = x.at(broken[0]);
    const side = at > (PLOT.left + PLOT.right) / 2 ? "end" : "start";
    parts.push(`<path class="stop" d="M${round(at)} ${PLOT.top}V${PLOT.bottom}"/>`);
    const name = `${broken[1]} at step ${grouped(broken[0])}`;
    parts.push(text(at + (side === "end" ? -8 : 8), PLOT.top + 14, name, { name: "stopped label", anchor: side }));
  }
  parts.push('<g clip-path="url(#plot)">');
  if (course !== finite) parts.push(line("raw", envelope(raw, MOST_POINTS).map(place)));
  parts.push(line("train", course.map(place)));
  parts.push(line("validation", points.map(place)), "</g>");
  const dots = points.length <= 60 ? points : points.slice(-1);
  for (const point of dots) parts.push(circle("dot", place(point), 4));
  if (course.length === 1) parts.push(circle("one", place(course[0]!), 4));
  parts.push(...legend(course !== finite, course.length > 0, points.length > 0), ...endLabels(course, points, y.at));
  return [...parts.filter(Boolean), "</svg>\n"].join("\n");
}

/** What a reader wants first, in words: where it ended, and where it was best. */
function summary(course: readonly Point[], validation: readonly Point[], lastStep = 0): string {
  const words: string[] = [];
  const last = course.at(-1);
  if (last) words.push(`train ${figure(last[1])} at step ${grouped(lastStep)}`);
  const held = validation.at(-1);
  if (held) {
    const best = validation.reduce((least, point) => (point[1] < least[1] ? point : least));
    const where = best === held ? "its best" : `best ${figure(best[1])} at step ${grouped(best[0])}`;
    words.push(`validation ${figure(held[1])}${validation.length > 1 ? `, ${where}` : ""}`);
  }
  return words.join("  ·  ");
}

/** Names at the lines' ends, where the eye arrives; two that would touch are moved apart. */
function endLabels(course: readonly Point[], validation: readonly Point[], y: (loss: number) => number): string[] {
  const labels = [
    { name: "train", point: course.at(-1) },
    { name: "validation", point: validation.at(-1) },
  ].flatMap(({ name, point }) =>
    point ? [{ name, value: figure(point[1]), at: clamp(y(point[1]), PLOT.top, PLOT.bottom) }] : [],
  );
  const [a, b] = labels;
  if (a && b && Math.abs(a.at - b.at) < 19) {
    const middle = clamp((a.at + b.at) / 2, PLOT.top + 10, PLOT.bottom - 10);
    const sign = a.at < b.at ? 1 : -1;
    a.at = middle - sign * 9.5;
    b.at = middle + sign * 9.5;
  }
  return labels.map(({ name, value, at }) =>
    text(PLOT.right + 14, at + 4.5, `${name} ${value}`, { name: `label ${name}-label` }),
  );
}

function legend(hasRaw: boolean, hasTrain: boolean, hasValidation: boolean): string[] {
  const items = [
    { shown: hasRaw, words: "each step", width: 66, kind: "raw" },
    { shown: hasTrain, words: hasRaw ? "train, smoothed" : "train", width: hasRaw ? 112 : 38, kind: "train" },
    { shown: hasValidation, words: "validation", width: 70, kind: "validation" },
  ].filter((item) => item.shown);
  let right = PLOT.right;
  return items.reverse().flatMap(({ words, width, kind }) => {
    const start = right - width - 28;
    right = start - 20;
    const middle = PLOT.top - 18.5;
    const sample = [
      line(kind, [
        [start, middle],
        [start + 20, middle],
      ]),
      text(start + 27, middle + 4.5, words),
    ];
    return kind === "validation" ? [...sample, circle("dot", [start + 10, middle], 4)] : sample;
  });
}

function inOrder(points: readonly Point[]): readonly Point[] {
  return points.filter(([step]) => Number.isFinite(step)).sort((a, b) => a[0] - b[0]);
}

function isFinitePoint(point: Point): boolean {
  return Number.isFinite(point[1]);
}

/** A line through the points, broken where one is not finite. */
function line(name: string, points: readonly Point[]): string {
  let pen = "M";
  let path = "";
  for (const [x, y] of points) {
    if (Number.isFinite(y)) path += `${pen}${round(x)} ${round(y)}`;
    pen = Number.isFinite(y) ? "L" : "M";
  }
  return path ? `<path class="${name}" d="${path}"/>` : "";
}

function circle(name: string, [x, y]: Point, radius: number): string {
  return `<circle class="${name}" cx="${round(x)}" cy="${round(y)}" r="${radius}"/>`;
}

const grouped = (step: number) => Math.round(step).toLocaleString("en-US");
const figure = (loss: number) =>
  Math.abs(loss) < 1e-3 || Math.abs(loss) >= 1e5 ? loss.toPrecision(3) : loss.toPrecision(4);
