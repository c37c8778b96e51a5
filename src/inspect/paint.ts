// The squares of a heat map in a terminal: colours where there are any, signs where there are none.

import { LEVELS, nearest256, type Rgb, SCALE, type Theme } from "./colour.js";
import type { ODD, Shade } from "./pattern.js";

/** Colours of 24 bits, a terminal's 256, or none. */
export type Colours = "24bit" | "256" | "none";

/** Letters, and the escape sequence that says their colours. */
export interface Square {
  readonly colours: string;
  readonly letters: string;
}

export interface Paint {
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
export function joined(squares: readonly Square[]): string {
  let last = "";
  const parts = squares.map(({ colours, letters }) => {
    const change = colours === last ? "" : colours;
    last = colours;
    return change + letters;
  });
  return parts.join("") + (last === "" ? "" : "\x1b[0m");
}

export const PAINTS: Readonly<Record<Colours, (theme: Theme) => Paint>> = {
  "24bit": (theme) => inColours(theme, (rgb) => `2;${rgb.join(";")}`),
  256: (theme) => inColours(theme, (rgb) => `5;${nearest256(rgb)}`),
  none: () => inSigns,
};

interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const environment = (name: string) => (typeof process === "undefined" ? undefined : process.env?.[name]);

/** The terminal that is written to; undefined in a browser. */
export function terminal(): Terminal | undefined {
  return typeof process === "undefined" ? undefined : (process.stdout as Terminal | undefined);
}

/** What the terminal can, and its user wants. */
export function terminalColours(): Colours {
  if (!terminal()?.isTTY || environment("NO_COLOR") || environment("TERM") === "dumb") return "none";
  return /truecolor|24bit/.test(environment("COLORTERM") ?? "") ? "24bit" : "256";
}
