// One head of a heat map: its squares and its labels, at a given place and size. Small patterns are squares one by one, that can be pointed
// at; large ones are one line for each run of equal colour.

import { round, text, xml } from "../base/svg.js";
import { LEVELS } from "./colour.js";
import { shorten, textPixels } from "./labels.js";
import { figure, type HeatMap, type Panel, shadeOf } from "./pattern.js";

export interface Place {
  readonly x: number;
  readonly y: number;
  /** Side of a square in pixels. */
  readonly cell: number;
  /** Each square says its number when pointed at. */
  readonly told: boolean;
  /** The numbers are printed in the squares. */
  readonly printed: boolean;
  readonly labelSize: number;
  /** Whether queries are labelled here. */
  readonly rowLabels: boolean;
}

type Sizes = Pick<Place, "cell" | "labelSize">;

/** The longest label, in ems. */
const LONGEST = 9;

/** Labels as large as squares allow; where squares are small, some are left out. */
export function labelSize(cell: number): number {
  return Math.min(13, Math.max(9, cell - 2));
}

const cut = (label: string, size: number) => shorten(label, LONGEST * size, (words) => textPixels(words, size));

/** Every how many squares there is a label. */
const stride = ({ cell, labelSize: size }: Sizes) => Math.max(1, Math.ceil((size + 1) / cell));

/** Pixels that the labels of queries take to the left of the squares. */
export function rowBand(map: HeatMap, place: Sizes): number {
  return Math.max(...rowLabels(map, place).map(({ label }) => textPixels(label, place.labelSize))) + 8;
}

interface Label {
  readonly at: number;
  readonly label: string;
}

function rowLabels({ rowLabels: given, rows }: HeatMap, place: Sizes): Label[] {
  return given ? chosen(given, place) : positions(rows, place);
}

function columnLabels({ columnLabels: given, columns }: HeatMap, place: Sizes): Label[] {
  return given ? chosen(given, place) : positions(columns, place);
}

function chosen(given: readonly string[], place: Sizes): Label[] {
  const by = stride(place);
  return given.flatMap((label, at) => (at % by === 0 ? [{ at, label: cut(label, place.labelSize) }] : []));
}

/** Without labels: every so many positions, the first of them 0. */
function positions(count: number, { cell }: Sizes): Label[] {
  const by = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((n) => n * cell >= 24) ?? 1000;
  return Array.from({ length: Math.ceil(count / by) }, (_, i) => ({ at: i * by, label: String(i * by) }));
}

/** How labels of keys stand: level where all fit above their squares, slanted where squares are wide enough, else upright. */
function slant(labels: readonly Label[], map: HeatMap, { cell, labelSize: size }: Sizes): 0 | 45 | 90 {
  const room = map.columnLabels ? cell : cell * Math.max(1, (labels[1]?.at ?? 1) - labels[0].at);
  if (labels.every(({ label }) => textPixels(label, size) <= room - 3)) return 0;
  return room >= 1.7 * size ? 45 : 90;
}

/** Pixels above the squares for labels of keys, and those by which slanted ones reach beyond the last square. */
export function columnBand(map: HeatMap, place: Sizes): { height: number; overhang: number } {
  const labels = columnLabels(map, place);
  const { cell, labelSize: size } = place;
  const turn = slant(labels, map, place);
  if (turn === 0) return { height: size + 7, overhang: 0 };
  const widths = labels.map(({ label }) => textPixels(label, size));
  if (turn === 90) return { height: Math.max(...widths) + 8, overhang: 0 };
  const reach = labels.map(({ at }, i) => (at + 0.5) * cell + (widths[i] + size) * Math.SQRT1_2 - map.columns * cell);
  return { height: (Math.max(...widths) + size) * Math.SQRT1_2 + 6, overhang: Math.max(0, ...reach) };
}

export function drawPanel(map: HeatMap, panel: Panel, place: Place): string[] {
  return [...(place.told ? squares(map, panel, place) : runs(map, panel, place)), ...around(map, place)];
}

function around(map: HeatMap, place: Place): string[] {
  const { x, y, cell, labelSize: size } = place;
  const name = map.columnLabels || map.rowLabels ? "label" : undefined;
  const columns = columnLabels(map, place);
  const turn = slant(columns, map, place);
  const parts = columns.map(({ at, label }) => {
    const middle = x + (at + 0.5) * cell;
    if (turn === 0) return text(middle, y - 6, label, { name, size, anchor: "middle" });
    return text(middle + 0.35 * size * (turn / 90), y - 6, label, { name, size, turn: -turn });
  });
  if (place.rowLabels)
    for (const { at, label } of rowLabels(map, place))
      parts.push(text(x - 8, y + (at + 0.5) * cell + 0.35 * size, label, { name, size, anchor: "end" }));
  return parts;
}

/** Rectangles with the number of each, between thin lines where they are large. */
function squares(map: HeatMap, panel: Panel, { x, y, cell, printed }: Place): string[] {
  const gap = cell >= 10 ? 1 : 0;
  const corner = cell >= 18 ? ' rx="2"' : "";
  const parts = [`<g transform="translate(${round(x)} ${round(y)})"${gap ? "" : ' shape-rendering="crispEdges"'}>`];
  panel.values.forEach((value, i) => {
    const [row, column] = [Math.floor(i / map.columns), i % map.columns];
    const shade = shadeOf(value, map);
    const name = typeof shade === "number" ? `s${shade}` : shade;
    const told = xml(`${nameOf(map.rowLabels, row)} → ${nameOf(map.columnLabels, column)}: ${figure(value)}`);
    parts.push(
      `<rect class="${name}" x="${column * cell}" y="${row * cell}" width="${cell - gap}" height="${cell - gap}"${corner}><title>${told}</title></rect>`,
    );
    if (!printed || typeof shade !== "number") return;
    const number = short(value, map);
    const size = 11;
    if (textPixels(number, size) < cell - 4)
      parts.push(
        text((column + 0.5) * cell - gap / 2, (row + 0.5) * cell + 0.35 * size, number, {
          name: value === 0 && shade === 0 ? "zero" : shade >= LEVELS / 2 ? "much" : "few",
          anchor: "middle",
          size,
        }),
      );
  });
  return [...parts, "</g>"];
}

const nameOf = (labels: readonly string[] | null, i: number) => labels?.[i] || String(i);

/** As it stands in a square: as many decimals for all. */
function short(value: number, { low, high }: HeatMap): string {
  if (value === 0) return "0";
  const largest = Math.max(Math.abs(low), Math.abs(high));
  return value.toFixed(largest < 10 ? 2 : largest < 100 ? 1 : 0);
}

/** One path for each colour: from run to run of squares of that colour, as lines one square thick. */
function runs(map: HeatMap, panel: Panel, { x, y, cell }: Place): string[] {
  const { rows, columns } = map;
  const paths = new Map<string, { d: string; x: number; y: number }>();
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; ) {
      const shade = shadeOf(panel.values[row * columns + column], map);
      let end = column + 1;
      while (end < columns && shadeOf(panel.values[row * columns + end], map) === shade) end++;
      const name = typeof shade === "number" ? `s${shade}` : shade;
      const path = paths.get(name) ?? { d: "M0 .5", x: 0, y: 0 };
      const move =
        row === path.y ? (column === path.x ? "" : `m${column - path.x} 0`) : `m${column - path.x} ${row - path.y}`;
      paths.set(name, { d: `${path.d}${move}h${end - column}`, x: end, y: row });
      column = end;
    }
  }
  const drawn = [...paths].map(([name, { d }]) => `<path class="${name}" d="${d}"/>`);
  return [
    `<g transform="translate(${round(x)} ${round(y)}) scale(${cell})">`,
    ...drawn,
    "</g>",
    `<rect class="frame" x="${round(x) - 0.5}" y="${round(y) - 0.5}" width="${columns * cell + 1}" height="${rows * cell + 1}"/>`,
  ];
}
