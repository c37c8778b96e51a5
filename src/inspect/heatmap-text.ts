// An attention pattern in a terminal: squares of two columns by one line, or, where there are many, two rows of half squares to a line;
// heads beside each other as far as the width goes. Which colours or signs the squares have is in paint.ts.

import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, type OptionTable, oneOf } from "../base/options.js";
import type { Theme } from "./colour.js";
import { characters, shorten, textColumns } from "./labels.js";
import { type Colours, joined, PAINTS, type Paint, terminal, terminalColours } from "./paint.js";
import {
  figure,
  HEAT_MAP,
  type HeatMap,
  type HeatMapOptions,
  ODD,
  oddShades,
  type Panel,
  type Pattern,
  pool,
  readHeatMap,
  type Shade,
  shadeOf,
} from "./pattern.js";

/** What `heatMapText` is told beside the pattern. */
export interface HeatMapTextOptions extends HeatMapOptions {
  /** Colours of 24 bits, a terminal's 256, or none: then signs from · to █. What the terminal can, unless given; none without a terminal. */
  readonly colours?: Colours;
  /** Columns to stay within; those of the terminal, or 80. */
  readonly width?: number;
  /** "dark" (high numbers are bright), unless given. */
  readonly theme?: Theme;
}

const HEAT_MAP_TEXT: OptionTable<HeatMapTextOptions> = {
  ...HEAT_MAP,
  colours: oneOf("24bit", "256", "none"),
  width: CHECKED,
  theme: oneOf("light", "dark"),
};

const LONGEST = { row: 16, column: 10 };
const GAP = 3;

/**
 * An attention pattern as lines of text for a terminal: rows are queries, columns are keys.
 *
 * Takes what `heatMapSvg` takes. Labels keep their places whatever they are written in: Chinese, Japanese and Korean characters are two
 * columns wide, as squares are. Where squares of two columns do not fit the width, they become narrower, and then stand for blocks.
 * @throws HeedError as `heatMapSvg` does, and for a width below 20
 * @example
 * const pattern = randn(1, 12, 3, 3).softmax(-1);                                      // B=1 H=12 T=3 S=3
 * console.log(heatMapText(pattern.at(0, 3), { rows: ["我", "爱", "你"], width: 60 }));   // head 3
 */
export function heatMapText(pattern: Pattern, options: HeatMapTextOptions = {}): string {
  checkOptions("heatMapText", options, HEAT_MAP_TEXT, { colors: "colours" });
  const { width = terminal()?.columns ?? 80, colours = terminalColours(), theme = "dark" } = options;
  if (!(width >= 20)) fail("heatMapText", "a width of at least 20 columns", String(width));
  const whole = readHeatMap("heatMapText", pattern, options);
  const names = rowNames(whole);
  const room = width - Math.max(...names.map(textColumns)) - 1;
  const map = pool(whole, Math.ceil(whole.columns / room));
  const cell = 2 * map.columns <= room ? 2 : 1;
  // Two rows share a line only where no label wants it for one of them.
  const halves = cell === 1 && colours !== "none" && !map.rowLabels;
  const paint = PAINTS[colours](theme);

  const blocks = map.panels.map((panel) => drawPanel(map, panel, { cell, halves, paint }));
  const beside = Math.max(1, Math.floor((room + GAP) / (cell * map.columns + GAP)));
  const left = margin(map, blocks[0].length, halves);
  const lines: string[] = map.title ? [map.title, ""] : [];
  for (let i = 0; i < blocks.length; i += beside) {
    const row = blocks.slice(i, i + beside);
    left.forEach((name, k) => {
      const parts = row.map((block) => block[k]);
      lines.push(`${name} ${parts.join(" ".repeat(GAP))}`.trimEnd());
    });
    lines.push("");
  }
  lines.push(legend(map, paint));
  return lines.join("\n");
}

interface Drawing {
  readonly cell: 1 | 2;
  readonly halves: boolean;
  readonly paint: Paint;
}

/** Lines of equal width: the name where there is one, labels of the keys, the squares. */
function drawPanel(map: HeatMap, panel: Panel, { cell, halves, paint }: Drawing): string[] {
  const { columns } = map;
  const width = cell * columns;
  const head = panel.name === null ? [] : [padEnd(shorten(panel.name, width, textColumns), width)];
  const shadeAt = (row: number, column: number): Shade | null =>
    row < map.rows ? shadeOf(panel.values[row * columns + column], map) : null;
  const exact = (row: number, column: number) => panel.values[row * columns + column] === map.low;
  const lines: string[] = [];
  for (let row = 0; row < map.rows; row += halves ? 2 : 1) {
    const squares = Array.from({ length: columns }, (_, column) =>
      halves
        ? paint.half(shadeAt(row, column) as Shade, shadeAt(row + 1, column))
        : paint.square(shadeAt(row, column) as Shade, cell, exact(row, column)),
    );
    lines.push(joined(squares));
  }
  return [...head, ...header(map, cell), ...lines];
}

/** Labels of the keys from top to bottom, each above its square; positions where there are no labels, or no room for them. */
function header(map: HeatMap, cell: 1 | 2): string[] {
  const { columnLabels: labels, columns } = map;
  if (!labels || cell === 1) {
    const by = cell === 1 ? 10 : 5;
    const marks = Array.from({ length: Math.ceil(columns / by) }, (_, i) => String(i * by * map.pooled));
    return [
      padEnd(
        marks
          .map((mark) => mark.padEnd(by * cell))
          .join("")
          .slice(0, cell * columns),
        cell * columns,
      ),
    ];
  }
  const short = labels.map((label) => shorten(label, LONGEST.column, (text) => characters(text).length));
  const level = short.every((label) => textColumns(label) <= cell);
  const stacks = level ? short.map((label) => [label]) : short.map(characters);
  const height = Math.max(...stacks.map((stack) => stack.length));
  return Array.from({ length: height }, (_, line) =>
    stacks.map((stack) => padEnd(stack[line - height + stack.length] ?? "", cell)).join(""),
  );
}

/** Labels of the queries, beside the lines of a panel. */
function margin(map: HeatMap, lines: number, halves: boolean): string[] {
  const names = rowNames(map).filter((_, row) => !halves || row % 2 === 0);
  const width = Math.max(...names.map(textColumns));
  const above = new Array<string>(lines - names.length).fill("");
  return [...above, ...names].map((name) => " ".repeat(width - textColumns(name)) + name);
}

function rowNames({ rowLabels, rows, pooled }: HeatMap): string[] {
  if (rowLabels) return rowLabels.map((label) => shorten(label, LONGEST.row, textColumns));
  const by = rows > 40 ? 10 : 5;
  return Array.from({ length: rows }, (_, row) => (row % by === 0 ? String(row * pooled) : ""));
}

const padEnd = (text: string, width: number) => text + " ".repeat(Math.max(0, width - textColumns(text)));

function legend(map: HeatMap, paint: Paint): string {
  const odd = oddShades(map).map((name) => `   ${joined([paint.square(name, 2)])} ${ODD[name]}`);
  const blocks = map.pooled > 1 ? `, each square the largest of ${map.pooled} x ${map.pooled}` : "";
  const scale = `${figure(map.low, 2)} ${joined(paint.scale)} ${figure(map.high, 2)}`;
  return `${scale}${odd.join("")}   rows: ${map.axes[0]}, columns: ${map.axes[1]}${blocks}`;
}
