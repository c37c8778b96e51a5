// What a heat map is drawn of: the numbers of one pattern [T,S] or of several heads [H,T,S], wherever they come from, their range, and their
// labels. How they are drawn is in heatmap.ts and heatmap-text.ts.

import { fail } from "../base/errors.js";
import { CHECKED, kind, type OptionTable } from "../base/options.js";
import { describe } from "../base/shape.js";
import type { NestedNumbers } from "../tensor/core.js";
import { Tensor } from "../tensor/tensor.js";
import { LEVELS } from "./colour.js";
import { visible } from "./labels.js";

/** One pattern [T,S] or several heads [H,T,S]: a tensor, or rows as arrays. */
export type Pattern = Tensor | NestedNumbers | readonly ArrayLike<number>[] | readonly (readonly ArrayLike<number>[])[];

/** What both kinds of heat maps are told beside the pattern. */
export interface HeatMapOptions {
  /** A label for each query, such as its token. */
  readonly rows?: readonly string[];
  /** A label for each key; those of the rows unless given, where the pattern is square. */
  readonly columns?: readonly string[];
  /** What stands above; nothing unless given. */
  readonly title?: string;
  /** A name for each head of a pattern [H,T,S]; "head 0" and so on unless given. */
  readonly heads?: readonly string[];
  /** What rows and columns are; ["queries", "keys"] unless given. */
  readonly axes?: readonly [rows: string, columns: string];
  /** The numbers at both ends of the colour scale, the same for all heads; from 0, or a number below it, to the largest unless given. */
  readonly range?: readonly [low: number, high: number];
}

export const HEAT_MAP: OptionTable<HeatMapOptions> = {
  rows: CHECKED,
  columns: CHECKED,
  title: kind<string>("a string", (x) => typeof x === "string"),
  heads: CHECKED,
  axes: kind<readonly [string, string]>("two strings", (x) => Array.isArray(x) && x.length === 2),
  range: kind<readonly [number, number]>("two numbers", (x) => Array.isArray(x) && x.length === 2),
};

/** One head's numbers [T,S], row by row. */
export interface Panel {
  readonly name: string | null;
  readonly values: Float64Array;
}

/** A heat map before it is drawn. */
export interface HeatMap {
  readonly title: string;
  readonly axes: readonly [string, string];
  readonly panels: readonly Panel[];
  /** T and S. */
  readonly rows: number;
  readonly columns: number;
  readonly rowLabels: readonly string[] | null;
  readonly columnLabels: readonly string[] | null;
  readonly low: number;
  readonly high: number;
  /** Every square stands for so many rows and columns, and shows the largest of them. */
  readonly pooled: number;
}

/**
 * Reads and checks what is to be drawn.
 * @throws HeedError for anything but numbers [T,S] or [H,T,S] with T, S, H > 0, labels that are not as many, or a range that is none
 */
export function readHeatMap(op: string, pattern: Pattern, options: HeatMapOptions): HeatMap {
  const { shape, values } = pattern instanceof Tensor ? ofTensor(op, pattern) : ofArrays(op, pattern);
  const [rows, columns] = shape.slice(-2);
  const count = shape.length === 3 ? shape[0] : 1;
  const names = labels(op, "heads", options.heads, shape.length === 3 ? count : 0);
  const panels = Array.from({ length: count }, (_, h) => ({
    name: shape.length === 3 ? (names?.[h] ?? `head ${h}`) : null,
    values: values.subarray(h * rows * columns, (h + 1) * rows * columns),
  }));
  const rowLabels = labels(op, "rows", options.rows, rows);
  const columnLabels = labels(op, "columns", options.columns, columns) ?? (rows === columns ? rowLabels : null);
  const [low, high] = rangeOf(op, values, options.range);
  const { title = "", axes = ["queries", "keys"] } = options;
  return { title, axes, panels, rows, columns, rowLabels, columnLabels, low, high, pooled: 1 };
}

const WANTED = "a pattern [T,S] or several heads [H,T,S]";

function checkShape(op: string, shape: readonly number[], got: string): void {
  const remedy =
    shape.length === 4 ? "take one batch entry, as in pattern.at(0)" : "take it from the attention it belongs to";
  if (shape.length !== 2 && shape.length !== 3) fail(op, WANTED, got, remedy);
  if (shape.includes(0)) fail(op, `${WANTED} with at least one number`, got);
}

function ofTensor(op: string, pattern: Tensor) {
  checkShape(op, pattern.shape, describe(pattern));
  return { shape: pattern.shape, values: Float64Array.from(pattern.dataSync()) };
}

function ofArrays(op: string, pattern: unknown) {
  const shape: number[] = [];
  for (let level = pattern; isArray(level); level = level[0]) shape.push(level.length);
  checkShape(op, shape, isArray(pattern) ? `arrays [${shape}]` : pattern === null ? "null" : typeof pattern);
  const values = new Float64Array(shape.reduce((p, n) => p * n));
  let count = 0;
  const collect = (level: unknown, at: readonly number[]): void => {
    if (!isArray(level) || level.length !== shape[at.length])
      fail(op, `rows of equal length, [${shape}]`, isArray(level) ? `${level.length} at [${at}]` : typeof level);
    const last = at.length === shape.length - 1;
    for (let i = 0; i < level.length; i++) {
      const x = level[i];
      if (!last) collect(x, [...at, i]);
      else if (typeof x === "number" || typeof x === "boolean") values[count++] = Number(x);
      else fail(op, "numbers", `${typeof x} at [${[...at, i]}]`);
    }
  };
  collect(pattern, []);
  return { shape, values };
}

function isArray(x: unknown): x is ArrayLike<unknown> {
  return Array.isArray(x) || (ArrayBuffer.isView(x) && !(x instanceof DataView));
}

function labels(op: string, name: string, given: readonly string[] | undefined, count: number): string[] | null {
  if (given === undefined) return null;
  if (!Array.isArray(given)) fail(op, `${name} as an array of strings`, typeof given);
  if (given.length !== count) {
    const none = name === "heads" && count === 0;
    fail(op, none ? "heads only for a pattern [H,T,S]" : `${count} labels as ${name}`, String(given.length));
  }
  return given.map((label) => visible(String(label)));
}

function rangeOf(op: string, values: Float64Array, given: HeatMapOptions["range"]): readonly [number, number] {
  if (given) {
    const [low, high] = given;
    if (!(Number.isFinite(low) && Number.isFinite(high) && low < high))
      fail(op, "a range of two finite numbers, the lower first", `[${given}]`);
    return given;
  }
  let low = 0;
  let high = Number.NEGATIVE_INFINITY;
  for (const x of values) {
    if (!Number.isFinite(x)) continue;
    low = Math.min(low, x);
    high = Math.max(high, x);
  }
  return high > low ? [low, high] : [low, low + 1];
}

/** A level of the colour scale, or what is no number of it. */
export type Shade = number | "nan" | "hidden" | "infinite";

/** What a number that has no place on the scale is called. */
export const ODD: Readonly<Record<Exclude<Shade, number>, string>> = { nan: "NaN", hidden: "-∞", infinite: "∞" };

/** The colour of a number: NaN and infinities have their own, -Infinity being what a mask writes. */
export function shadeOf(x: number, { low, high }: HeatMap): Shade {
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x > 0 ? "infinite" : "hidden";
  const share = (x - low) / (high - low);
  return Math.round(Math.min(1, Math.max(0, share)) * (LEVELS - 1));
}

/** What there is besides finite numbers. */
export function oddShades(map: HeatMap): (keyof typeof ODD)[] {
  const found = new Set<Shade>();
  for (const { values } of map.panels) for (const x of values) if (!Number.isFinite(x)) found.add(shadeOf(x, map));
  return (Object.keys(ODD) as (keyof typeof ODD)[]).filter((name) => found.has(name));
}

/** The map in blocks of `by` rows and columns, each showing its largest number, NaN before all. */
export function pool(map: HeatMap, by: number): HeatMap {
  if (by <= 1) return map;
  const [rows, columns] = [Math.ceil(map.rows / by), Math.ceil(map.columns / by)];
  const panels = map.panels.map(({ name, values }) => {
    const largest = new Float64Array(rows * columns).fill(Number.NEGATIVE_INFINITY);
    values.forEach((x, i) => {
      const at = Math.floor(Math.floor(i / map.columns) / by) * columns + Math.floor((i % map.columns) / by);
      if (!Number.isNaN(largest[at]) && !(x <= largest[at])) largest[at] = x;
    });
    return { name, values: largest };
  });
  return { ...map, panels, rows, columns, rowLabels: null, columnLabels: null, pooled: by * map.pooled };
}

/** A number as people read it: 0.0312, 12.50, 3.1e-7. */
export function figure(x: number, digits = 4): string {
  if (Number.isNaN(x)) return ODD.nan;
  if (!Number.isFinite(x)) return x > 0 ? ODD.infinite : ODD.hidden;
  if (x === 0) return "0";
  const size = Math.abs(x);
  if (size < 1e-4 || size >= 1e6) return x.toExponential(Math.max(0, digits - 2)).replace("e+", "e");
  return size < 1 ? x.toFixed(digits) : x.toPrecision(Math.max(digits, Math.ceil(Math.log10(size + 1))));
}
