// An attention pattern in a terminal: squares of two columns by one line, or, where there are many, two rows of half squares to a line;
// heads beside each other as far as the width goes.

import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, type OptionTable, oneOf } from "../base/options.js";
import { LEVELS, nearest256, type Rgb, SCALE, type Theme } from "./colour.js";
import { characters, shorten, textColumns } from "./labels.js";
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
  readonly colours?: "24bit" | "256" | "none";
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

interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const environment = (name: string) => (typeof process === "undefined" ? undefined : process.env?.[name]);

function terminal(): Terminal | undefined {
  return typeof process === "undefined" ? undefined : (process.stdout as Terminal | undefined);
}

function terminalColours(): "24bit" | "256" | "none" {
  if (!terminal()?.isTTY || environment("NO_COLOR") || environment("TERM") === "dumb") return "none";
  return /truecolor|24bit/.test(environment("COLORTERM") ?? "") ? "24bit" : "256";
}

// --- one panel

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

// --- colours

/** Letters, and the escape sequence that says their colours. */
interface Square {
  readonly colours: string;
  readonly letters: string;
}

interface Paint {
  /** One square of so many columns; `exact` where the number is the lowest of the scale itself. */
  square(shade: Shade, columns: number, exact?: boolean): Square;
  /** One column, two squares: the lower one may be missing. */
  half(upper: Shade, lower: Shade | null): Square;
  readonly scale: readonly Square[];
}

type Odd = keyof typeof ODD;
const ODD_COLOURS: Readonly<Record<Odd, Rgb>> = {
  nan: [229, 72, 77],
  hidden: [110, 118, 129],
  infinite: [255, 166, 87],
};
const SCALE_COLUMNS = 16;

/** `code` says a colour as the numbers behind 38 (the letters') or 48 (what is behind them). */
function inColours(theme: Theme, code: (rgb: Rgb) => string): Paint {
  const known = new Map<Shade, string>();
  const numbers = (shade: Shade): string => {
    const found = known.get(shade) ?? code(typeof shade === "number" ? SCALE[theme][shade] : ODD_COLOURS[shade]);
    known.set(shade, found);
    return found;
  };
  const behind = (shade: Shade | null) => (shade === null ? "\x1b[49m" : `\x1b[48;${numbers(shade)}m`);
  const square = (shade: Shade, columns: number) => ({ colours: behind(shade), letters: " ".repeat(columns) });
  const half = (upper: Shade, lower: Shade | null) =>
    upper === lower ? square(upper, 1) : { colours: `\x1b[38;${numbers(upper)}m${behind(lower)}`, letters: "▀" };
  const scale = Array.from({ length: SCALE_COLUMNS }, (_, i) =>
    square(Math.round((i * (LEVELS - 1)) / (SCALE_COLUMNS - 1)), 1),
  );
  return { square, half, scale };
}

/** Blank is the lowest number of the scale itself, which a mask leaves; the first sign is anything just above it. */
const SIGNS = ["·", "░", "▒", "▓", "█"];
const ODD_SIGNS: Readonly<Record<Odd, string>> = { nan: "?", hidden: "-", infinite: "^" };

const inSigns: Paint = {
  square: (shade, columns, exact = false) => {
    const sign =
      typeof shade !== "number" ? ODD_SIGNS[shade] : SIGNS[Math.round((shade * (SIGNS.length - 1)) / (LEVELS - 1))];
    return { colours: "", letters: (exact ? " " : sign).repeat(columns) };
  },
  half: (upper) => inSigns.square(upper, 1),
  scale: SIGNS.map((letters) => ({ colours: "", letters })),
};

/** The squares side by side; what has the colours of its neighbour does not repeat them. */
function joined(squares: readonly Square[]): string {
  let last = "";
  const parts = squares.map(({ colours, letters }) => {
    const change = colours === last ? "" : colours;
    last = colours;
    return change + letters;
  });
  return parts.join("") + (last === "" ? "" : "\x1b[0m");
}

const PAINTS: Readonly<Record<"24bit" | "256" | "none", (theme: Theme) => Paint>> = {
  "24bit": (theme) => inColours(theme, (rgb) => `2;${rgb.join(";")}`),
  256: (theme) => inColours(theme, (rgb) => `5;${nearest256(rgb)}`),
  none: () => inSigns,
};

function legend(map: HeatMap, paint: Paint): string {
  const odd = oddShades(map).map((name) => `   ${joined([paint.square(name, 2)])} ${ODD[name]}`);
  const blocks = map.pooled > 1 ? `, each square the largest of ${map.pooled} x ${map.pooled}` : "";
  const scale = `${figure(map.low, 2)} ${joined(paint.scale)} ${figure(map.high, 2)}`;
  return `${scale}${odd.join("")}   rows: ${map.axes[0]}, columns: ${map.axes[1]}${blocks}`;
}
