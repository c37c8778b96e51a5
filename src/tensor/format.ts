// The text of a tensor, as PyTorch prints it (torch/_tensor_str.py): four digits, one width for all, scientific where the
// numbers spread too far, "..." in long tensors. The values come as plain numbers in row-major order; half-precision ones
// are decoded before, and python's way of writing one number is in formatnumber.ts.
//
// Our integers, i32, print like torch's default ones, int64: without a dtype.

import type { DType } from "../base/dtype.js";
import { DTYPES } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, FLAG, type OptionTable, oneOf } from "../base/options.js";
import { fixed, MOST_DIGITS, scientific } from "./formatnumber.js";

/** How tensors print; the fields and their defaults are those of `torch.set_printoptions`. */
export interface PrintOptions {
  /** Digits after the point, 0 to 30; 4. */
  precision: number;
  /** More elements than this print in summary; 1000. */
  threshold: number;
  /** Elements shown at each end of a dimension in a summary; 3. */
  edgeitems: number;
  /** Characters on a line; 80. */
  linewidth: number;
  /** Scientific notation always or never; undefined leaves it to the numbers. */
  sciMode: boolean | undefined;
}

/** What `formatTensor` adds to the values, and print options for this one text. */
export interface FormatOptions extends Partial<PrintOptions> {
  /** Ends the text with `requires_grad=True`. */
  readonly requiresGrad?: boolean;
  /** Ends the text with `grad_fn=<...>` instead. */
  readonly gradFn?: string;
}

const DEFAULTS: PrintOptions = { precision: 4, threshold: 1000, edgeitems: 3, linewidth: 80, sciMode: undefined };
const PROFILES = {
  default: {},
  short: { precision: 2, edgeitems: 2 },
  full: { threshold: Infinity },
} satisfies Record<string, Partial<PrintOptions>>;

type SetPrintOptions = Partial<PrintOptions> & { profile?: keyof typeof PROFILES };

const PRINT_OPTIONS: OptionTable<SetPrintOptions> = {
  precision: CHECKED,
  threshold: CHECKED,
  edgeitems: CHECKED,
  linewidth: CHECKED,
  sciMode: FLAG,
  profile: oneOf("default", "short", "full"),
};

let current: PrintOptions = { ...DEFAULTS };

/**
 * Changes how tensors print from now on (torch: `set_printoptions`). A profile sets all fields first; `sciMode` returns to
 * undefined unless it is given.
 * @throws HeedError for a precision, threshold, edgeitems or linewidth that is no count
 */
export function setPrintOptions(options: SetPrintOptions): void {
  checkOptions("setPrintOptions", options, PRINT_OPTIONS);
  const { profile, ...fields } = options;
  const base = profile === undefined ? current : { ...DEFAULTS, ...PROFILES[profile] };
  current = merged({ ...base, sciMode: undefined }, fields);
}

/** The print options in force. */
export function getPrintOptions(): PrintOptions {
  return { ...current };
}

function merged(base: PrintOptions, fields: Partial<PrintOptions>): PrintOptions {
  const options = { ...base };
  if (fields.sciMode !== undefined) options.sciMode = fields.sciMode;
  for (const name of ["precision", "threshold", "edgeitems", "linewidth"] as const) {
    const value = fields[name];
    if (value === undefined) continue;
    const most = name === "precision" ? MOST_DIGITS : Infinity;
    const whole = Number.isInteger(value) || value === Infinity;
    if (!whole || value < 0 || value > most) {
      fail("setPrintOptions", `${name} an integer from 0${most < Infinity ? ` to ${most}` : ""}`, String(value));
    }
    options[name] = value;
  }
  return options;
}

/**
 * The text PyTorch prints for a tensor: `tensor([[-0.5337, -0.1051], ...])`.
 * @param data the elements in row-major order, as numbers; for bool 0 or 1
 * @throws HeedError if `data` has not as many elements as `shape`
 */
export function formatTensor(
  data: ArrayLike<number>,
  shape: readonly number[],
  dtype: DType,
  options: FormatOptions = {},
): string {
  const { requiresGrad = false, gradFn, ...fields } = options;
  const print = merged(current, fields);
  const count = elements("formatTensor", data, shape);
  const suffixes: string[] = [];
  const ordinary = dtype === "f32" || (count > 0 && (dtype === "i32" || dtype === "bool"));
  if (count === 0 ? shape.length !== 1 : print.edgeitems === 0) suffixes.push(`size=${tuple(shape)}`);
  if (!ordinary) suffixes.push(`dtype=${dtype}`);
  if (gradFn !== undefined) suffixes.push(`grad_fn=<${gradFn}>`);
  else if (requiresGrad) suffixes.push("requires_grad=True");
  return withSuffixes(PREFIX + (count === 0 ? "[]" : values(data, shape, dtype, print)), suffixes, print.linewidth);
}

const PREFIX = "tensor(";

/** (3, 4) or (3,), as Python prints a tuple. */
export function tuple(shape: readonly number[]): string {
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
}

function elements(op: string, data: ArrayLike<number>, shape: readonly number[]): number {
  const count = shape.reduce((product, size) => product * size, 1);
  if (data.length !== count) fail(op, `${count} elements for shape [${shape.join(",")}]`, String(data.length));
  return count;
}

/** Each suffix on the last line where it still fits, else on a line of its own. */
function withSuffixes(text: string, suffixes: readonly string[], linewidth: number): string {
  let out = text;
  let line = text.length - text.lastIndexOf("\n") + 1; // two more than are there, as torch counts
  for (const suffix of suffixes) {
    if (line + suffix.length + 2 > linewidth) {
      out += `,\n${" ".repeat(PREFIX.length)}${suffix}`;
      line = PREFIX.length + suffix.length;
    } else {
      out += `, ${suffix}`;
      line += suffix.length + 2;
    }
  }
  return `${out})`;
}

/** The brackets and what they hold; `-1` in a dimension's shown indices stands for "...". */
function values(data: ArrayLike<number>, shape: readonly number[], dtype: DType, print: PrintOptions): string {
  const { edgeitems, linewidth } = print;
  const summary = data.length > print.threshold;
  const shown = shape.map((size) => {
    const all = Array.from({ length: summary ? Math.min(size, 2 * edgeitems) : size }, (_, i) => i);
    if (all.length === size) return all;
    return [...all.slice(0, edgeitems), -1, ...all.slice(edgeitems).map((i) => i + size - 2 * edgeitems)];
  });
  const cell = formatter(visible(data, shape, shown), dtype, print);

  function part(dim: number, offset: number, indent: number): string {
    if (dim === shape.length) return cell.text(data[offset]!);
    const rank = shape.length - dim;
    const stride = shape.slice(dim + 1).reduce((product, size) => product * size, 1);
    const parts = shown[dim]!.map((i) => {
      if (i < 0) return rank > 1 || edgeitems === 0 ? "..." : " ...";
      return part(dim + 1, offset + i * stride, indent + 1);
    });
    if (rank > 1) return `[${parts.join("," + "\n".repeat(rank - 1) + " ".repeat(indent + 1))}]`;
    const perLine = Math.max(1, Math.floor((linewidth - indent) / (cell.width + 2)));
    const lines: string[] = [];
    for (let i = 0; i < parts.length; i += perLine) lines.push(parts.slice(i, i + perLine).join(", "));
    return `[${lines.join(",\n" + " ".repeat(indent + 1))}]`;
  }
  return part(0, 0, PREFIX.length);
}

/** The elements that a summary shows, in order. */
function visible(data: ArrayLike<number>, shape: readonly number[], shown: readonly number[][]): number[] {
  let offsets = [0];
  for (const [dim, indices] of shown.entries()) {
    offsets = offsets.flatMap((offset) => indices.filter((i) => i >= 0).map((i) => offset * shape[dim]! + i));
  }
  return offsets.map((offset) => data[offset]!);
}

/** The text of one element, right-aligned to `width`, which fits all finite elements but zeros. */
interface Formatter {
  readonly width: number;
  text(value: number): string;
}

function formatter(seen: readonly number[], dtype: DType, print: PrintOptions): Formatter {
  if (!DTYPES[dtype].float) {
    return aligned(seen, (value) => (dtype === "bool" ? (value ? "True" : "False") : String(value)));
  }
  const numbers = seen.filter((value) => Number.isFinite(value) && value !== 0);
  if (numbers.length === 0) return aligned(numbers, whole);
  let [least, most] = [Infinity, 0];
  for (const value of numbers) {
    least = Math.min(least, Math.abs(value));
    most = Math.max(most, Math.abs(value));
  }
  const spread = most / least > 1000 || most > 1e8 || least < 1e-4;
  if (print.sciMode ?? spread) return aligned(numbers, (value) => scientific(value, print.precision));
  if (numbers.every(Number.isInteger)) return aligned(numbers, whole);
  return aligned(numbers, (value) => fixed(value, print.precision));
}

function aligned(seen: readonly number[], text: (value: number) => string): Formatter {
  let width = 1;
  for (const value of seen) width = Math.max(width, text(value).length);
  return { width, text: (value) => text(value).padStart(width) };
}

/** An integer of a floating dtype: `1.` */
function whole(value: number): string {
  return fixed(value, 0) + (Number.isFinite(value) ? "." : "");
}

/** Nested arrays of numbers, or of booleans for bool. */
export type Nested = number | boolean | Nested[];

/**
 * The elements as nested JavaScript arrays of the given shape; a number or boolean for shape [].
 * @throws HeedError if `data` has not as many elements as `shape`
 */
export function nested(data: ArrayLike<number>, shape: readonly number[], dtype: DType = "f32"): Nested {
  elements("nested", data, shape);
  let next = 0;
  const build = (dim: number): Nested => {
    if (dim < shape.length) return Array.from({ length: shape[dim]! }, () => build(dim + 1));
    const value = data[next++]!;
    return dtype === "bool" ? value !== 0 : value;
  };
  return build(0);
}
