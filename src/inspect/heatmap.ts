// An attention pattern as an SVG: one head, or all heads side by side on one colour scale. Where the squares are, is decided here; what they
// are read from is in pattern.ts, how a panel is drawn in panel.ts.

import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, type OptionTable } from "../base/options.js";
import { page, round, text } from "../base/svg.js";
import { hex, LEVELS, SCALE, type Theme } from "./colour.js";
import { shorten, textPixels } from "./labels.js";
import { columnBand, drawPanel, labelSize, type Place, rowBand } from "./panel.js";
import {
  figure,
  HEAT_MAP,
  type HeatMap,
  type HeatMapOptions,
  ODD,
  oddShades,
  type Pattern,
  pool,
  readHeatMap,
} from "./pattern.js";

const MARGIN = 24;
const GAP = 22;
const BAR = { width: 2 * LEVELS, height: 10 };
/** What the squares of one head may take, and of all heads in a row. */
const ONE = 720;
const ALL = 1000;

/** What `heatMapSvg` is told beside the pattern. */
export interface HeatMapSvgOptions extends HeatMapOptions {
  /** How many heads stand in a row. */
  readonly across?: number;
}

const HEAT_MAP_SVG: OptionTable<HeatMapSvgOptions> = { ...HEAT_MAP, across: CHECKED };

/**
 * An attention pattern as an SVG document: rows are queries, columns are keys, the darker (on a dark page: the brighter) the larger.
 *
 * Takes one pattern [T,S], or several heads [H,T,S], which are drawn side by side on one scale. Labels are drawn where there is room for
 * them, about 60 each way; small patterns show each number when pointed at, very small ones print it. NaN and infinities have colours of
 * their own. More than 720 rows or columns are drawn as blocks, each showing its largest number.
 * @throws HeedError for other ranks, rows of unequal length, labels that are not as many as rows or columns, an empty range
 * @example
 * const pattern = randn(1, 12, 3, 3).softmax(-1);                                                   // B=1 H=12 T=3 S=3
 * const svg = heatMapSvg(pattern.at(0, 3), { rows: ["the", "cat", "sat"], title: "head 3" });   // a document to write to a file
 */
export function heatMapSvg(pattern: Pattern, options: HeatMapSvgOptions = {}): string {
  checkOptions("heatMapSvg", options, HEAT_MAP_SVG);
  const whole = readHeatMap("heatMapSvg", pattern, options);
  const across = acrossOf(whole.panels.length, options.across);
  const down = Math.ceil(whole.panels.length / across);
  const most = across === 1 ? ONE : Math.floor((ALL - (across - 1) * GAP) / across);
  const map = pool(whole, Math.ceil(Math.max(whole.rows, whole.columns) / most));
  const place = placeOf(map, most);

  const [panelWidth, panelHeight] = [map.columns * place.cell, map.rows * place.cell];
  const left = MARGIN + rowBand(map, place);
  const labelled = columnBand(map, place);
  const named = map.panels[0].name === null ? 0 : 22;
  const top = MARGIN + (map.title ? 30 : 0) + (named ? 0 : labelled.height);
  const stepX = panelWidth + GAP;
  // Labels of keys stand above every row of panels, so that no eye has to travel.
  const stepY = panelHeight + named + (named ? labelled.height : 0) + GAP;
  const gridWidth = across * stepX - GAP + labelled.overhang;
  const gridBottom = top + down * stepY - GAP;

  const words = textPixels(caption(map), 13);
  const width = MARGIN + Math.max(left + gridWidth, MARGIN + Math.max(legendPixels(map), words), titleWidth(map));
  const parts: string[] = [];
  if (map.title) {
    const title = shorten(map.title, width - 2 * MARGIN, (words) => textPixels(words, 19));
    parts.push(text(MARGIN, MARGIN + 14, title, { name: "title" }));
  }
  map.panels.forEach((panel, i) => {
    const [column, row] = [i % across, Math.floor(i / across)];
    const y = top + row * stepY + (named ? named + labelled.height : 0);
    const x = left + column * stepX;
    if (panel.name !== null) {
      const name = shorten(panel.name, panelWidth, (words) => textPixels(words, 13));
      parts.push(text(x, y - labelled.height - 9, name, { name: "name" }));
    }
    parts.push(...drawPanel(map, panel, { ...place, x, y, rowLabels: column === 0 }));
  });
  const wraps = legendPixels(map) + 24 + words > width - 2 * MARGIN;
  parts.push(...legend(map, MARGIN, gridBottom + 26, wraps ? null : width - MARGIN));
  const height = gridBottom + 26 + BAR.height + (wraps ? 24 : 0) + MARGIN;
  return page(width, height, { name: "heat", spoken: spoken(whole), style: style(map) }, parts);
}

/** Panels in a row: as told, or so that the whole has a shape like a page's, with few places left empty. */
function acrossOf(count: number, told?: number): number {
  if (told !== undefined) {
    if (!(Number.isInteger(told) && told > 0)) fail("heatMapSvg", "across as a whole number above 0", String(told));
    return Math.min(told, count);
  }
  let across = 1;
  let least = Number.POSITIVE_INFINITY;
  for (let n = 1; n <= count; n++) {
    const rows = Math.ceil(count / n);
    const cost = Math.abs(Math.log(n / rows / 1.6)) + (2 * (n * rows - count)) / count;
    if (cost < least) [across, least] = [n, cost];
  }
  return across;
}

function placeOf(map: HeatMap, most: number): Omit<Place, "x" | "y" | "rowLabels"> {
  const room = Math.floor(most / Math.max(map.columns, map.rows));
  const single = map.panels.length === 1;
  const cell = Math.max(1, Math.min(room, single ? 36 : 26));
  const squares = map.panels.length * map.rows * map.columns;
  const printed = cell >= 34 && Math.max(map.rows, map.columns) <= 12;
  return { cell, told: squares <= 1600, printed, labelSize: labelSize(cell) };
}

// --- what stands around the panels

function titleWidth(map: HeatMap): number {
  return map.title ? MARGIN + Math.min(textPixels(map.title, 19), 560) : 0;
}

function caption({ axes, pooled }: HeatMap): string {
  const blocks = pooled > 1 ? ` · each square the largest of ${pooled} × ${pooled}` : "";
  return `rows: ${axes[0]} · columns: ${axes[1]}${blocks}`;
}

const ends = ({ low, high }: HeatMap) => [figure(low, 2), figure(high, 2)];

function legendPixels(map: HeatMap): number {
  const words = ends(map).reduce((sum, end) => sum + textPixels(end, 13) + 8, 0);
  const odd = oddShades(map).reduce((sum, name) => sum + 36 + textPixels(ODD[name], 13), 0);
  return words + BAR.width + odd;
}

/** The colour scale with the numbers at its ends, what is no number, and what rows and columns are: to its right, or below. */
function legend(map: HeatMap, x: number, y: number, right: number | null): string[] {
  const [low, high] = ends(map);
  const baseline = y + BAR.height - 0.5;
  const start = x + textPixels(low, 13) + 8;
  const parts = [text(start - 8, baseline, low, { anchor: "end" })];
  const bar = Array.from({ length: LEVELS }, (_, i) => `<path class="s${i}" d="M${2 * i} .5h2"/>`).join("");
  parts.push(`<g transform="translate(${round(start)} ${round(y)}) scale(1 ${BAR.height})">${bar}</g>`);
  let at = start + BAR.width + 8;
  parts.push(text(at, baseline, high));
  at += textPixels(high, 13) + 20;
  for (const name of oddShades(map)) {
    parts.push(`<rect class="${name}" x="${round(at)}" y="${round(y)}" width="${BAR.height}" height="${BAR.height}"/>`);
    parts.push(text(at + 16, baseline, ODD[name]));
    at += 38 + textPixels(ODD[name], 13);
  }
  if (right === null) parts.push(text(x, baseline + 24, caption(map)));
  else parts.push(text(right, baseline, caption(map), { anchor: "end" }));
  return parts;
}

function spoken(map: HeatMap): string {
  const what = `${map.panels.length > 1 ? `${map.panels.length} heat maps` : "Heat map"} of ${map.rows} ${map.axes[0]} by ${map.columns} ${map.axes[1]}`;
  return `${map.title ? `${map.title}. ` : ""}${what}, from ${figure(map.low, 2)} to ${figure(map.high, 2)}.`;
}

const shades = (theme: Theme) => SCALE[theme].map((rgb, i) => `.heat .s${i}{color:${hex(rgb)}}`).join("");

/** Above the middle of the scale squares are dark on a light page and bright on a dark one: numbers in them turn round. */
function style(map: HeatMap): string {
  const odd = oddShades(map).length > 0;
  return `
  .heat { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "DejaVu Sans", sans-serif; font-variant-numeric: tabular-nums }
  .heat text { fill: #57606a } .heat .page { fill: #ffffff } .heat .title { font-size: 19px; font-weight: 650; fill: #1f2328 }
  .heat .name { font-weight: 600; fill: #1f2328 } .heat .label, .heat .few { fill: #1f2328 } .heat .much { fill: #ffffff } .heat .zero { fill: #a8b0b9 }
  .heat path { stroke: currentColor; shape-rendering: crispEdges } .heat rect { fill: currentColor }
  .heat .frame { fill: none; stroke: #d0d7de; shape-rendering: crispEdges }
  ${shades("light")}${odd ? "\n  .heat .nan{color:#d1242f}.heat .hidden{color:#d0d7de}.heat .infinite{color:#e16f24}" : ""}
  @media (prefers-color-scheme: dark) {
    .heat text { fill: #9198a1 } .heat .page { fill: #0d1117 } .heat .much { fill: #0d1117 } .heat .zero { fill: #59616b } .heat .frame { stroke: #30363d }
    .heat .title, .heat .name, .heat .label, .heat .few { fill: #f0f6fc }
    ${shades("dark")}${odd ? "\n    .heat .nan{color:#ff5d5d}.heat .hidden{color:#3d444d}.heat .infinite{color:#ffa657}" : ""}
  }
`;
}
