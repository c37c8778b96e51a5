// The colour scale of heat maps: one path through Oklab (Ottosson 2020), from near black through blue and green to near white, cut into
// steps of equal length, so that equal differences in the numbers look equally different. On a light page it is walked from the other end.

export type Rgb = readonly [red: number, green: number, blue: number];
/** The page that squares stand on: on a dark one high numbers are bright, on a light one dark. */
export type Theme = "light" | "dark";

/** What the path leads through: lightness, chroma, hue in degrees. */
const STOPS: readonly (readonly [number, number, number])[] = [
  [0.235, 0.055, 275],
  [0.36, 0.105, 268],
  [0.53, 0.115, 238],
  [0.7, 0.115, 190],
  [0.85, 0.115, 145],
  [0.972, 0.014, 112],
];

/** Neighbours differ by less than the eye tells apart. */
export const LEVELS = 64;

/** The colours of a scale, from the lowest number to the highest: dark is high on a light page, bright is high on a dark one. */
export const SCALE: Readonly<Record<Theme, readonly Rgb[]>> = makeScales();

function makeScales() {
  const dark = evenly(path(), LEVELS).map(toRgb);
  return { dark, light: [...dark].reverse() };
}

type Lab = readonly [lightness: number, a: number, b: number];

/** A Catmull-Rom curve through the stops, as many short straight pieces. */
function path(): Lab[] {
  const points = STOPS.map(([l, c, h]): Lab => {
    const angle = (h * Math.PI) / 180;
    return [l, c * Math.cos(angle), c * Math.sin(angle)];
  });
  const at = (i: number) => points[Math.min(Math.max(i, 0), points.length - 1)];
  const pieces = 64;
  const curve: Lab[] = [points[0]];
  for (let i = 0; i + 1 < points.length; i++)
    for (let k = 1; k <= pieces; k++) {
      const x = k / pieces;
      const along = (axis: 0 | 1 | 2) => {
        const [p, q, r, s] = [at(i - 1)[axis], at(i)[axis], at(i + 1)[axis], at(i + 2)[axis]];
        return q + 0.5 * x * (r - p + x * (2 * p - 5 * q + 4 * r - s + x * (3 * (q - r) + s - p)));
      };
      curve.push([along(0), along(1), along(2)]);
    }
  return curve;
}

/** `count` points of a curve at equal distances along it, both ends among them. */
function evenly(curve: readonly Lab[], count: number): Lab[] {
  const lengths = curve.slice(1).map((p, i) => distance(p, curve[i]));
  const total = lengths.reduce((a, b) => a + b);
  const found: Lab[] = [];
  let piece = 0;
  let passed = 0;
  for (let i = 0; i < count; i++) {
    const wanted = (total * i) / (count - 1);
    while (piece + 1 < lengths.length && passed + lengths[piece] < wanted) passed += lengths[piece++];
    const share = Math.min(1, (wanted - passed) / lengths[piece]);
    const [p, q] = [curve[piece], curve[piece + 1]];
    found.push([p[0] + share * (q[0] - p[0]), p[1] + share * (q[1] - p[1]), p[2] + share * (q[2] - p[2])]);
  }
  return found;
}

function distance(p: Lab, q: Lab): number {
  return Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
}

function toRgb([lightness, a, b]: Lab): Rgb {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    gamma(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    gamma(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    gamma(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

function gamma(linear: number): number {
  const x = Math.min(1, Math.max(0, linear));
  return Math.round(255 * (x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055));
}

/** An sRGB colour in Oklab, where distances are differences as the eye sees them. */
export function oklab(rgb: Rgb): Lab {
  const [r, g, b] = rgb.map((n) => (n <= 0.04045 * 255 ? n / 255 / 12.92 : ((n / 255 + 0.055) / 1.055) ** 2.4));
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

export function hex(rgb: Rgb): string {
  return `#${rgb.map((n) => n.toString(16).padStart(2, "0")).join("")}`;
}

/** The colour of a terminal's 256 that looks most like it: of its cube of 216 and its 24 greys, which terminals agree on. */
export function nearest256(rgb: Rgb): number {
  const target = oklab(rgb);
  let best = 16;
  let least = Number.POSITIVE_INFINITY;
  for (let code = 16; code < 256; code++) {
    const off = distance(oklab(rgb256(code)), target);
    if (off < least) [best, least] = [code, off];
  }
  return best;
}

function rgb256(code: number): Rgb {
  if (code >= 232) {
    const grey = 8 + 10 * (code - 232);
    return [grey, grey, grey];
  }
  const part = (n: number) => (n === 0 ? 0 : 55 + 40 * n);
  const i = code - 16;
  return [part(Math.floor(i / 36)), part(Math.floor(i / 6) % 6), part(i % 6)];
}
