// What attention is told beside its tensors: names nobody knows are mistakes, not wishes to ignore, as a mask that is misspelt would
// otherwise be no mask.

import { fail } from "../base/errors.js";
import { describe } from "../base/shape.js";
import { Tensor } from "./tensor.js";

/** @internal The names of a function's options, and what to write for names that others have for them. */
export interface OptionNames {
  readonly names: readonly string[];
  readonly remedies?: Readonly<Record<string, string>>;
  /** What to write where a tensor stands in place of the options. */
  readonly object: string;
}

/** @internal @throws HeedError for anything but an object of these names */
export function checkOptions(op: string, options: unknown, { names, remedies = {}, object }: OptionNames): void {
  const wanted = "an object of options behind the tensors";
  if (options instanceof Tensor) fail(op, wanted, describe(options), `pass ${object}`);
  if (typeof options !== "object" || options === null || Array.isArray(options))
    fail(op, wanted, Array.isArray(options) ? "an array" : shown(options), `pass ${object}`);
  checkNames(op, "options named", names, options, remedies);
}

/** @internal @throws HeedError for a name that is not among `names` */
export function checkNames(
  op: string,
  what: string,
  names: readonly string[],
  given: object,
  remedies: Readonly<Record<string, string>> = {},
): void {
  for (const name of Object.keys(given)) {
    if (names.includes(name)) continue;
    const camel = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    const known = names.includes(camel) ? camel : remedies[camel];
    fail(op, `${what} ${names.join(", ")}`, name, known && `write ${known}`);
  }
}

/** @internal @throws HeedError unless a weight can be dropped with this probability, and another kept */
export function checkDropout(op: string, dropout: unknown): void {
  if (typeof dropout === "number" && dropout >= 0 && dropout < 1) return;
  fail(op, "a dropout from 0 to below 1", shown(dropout));
}

/** @internal @throws HeedError unless it is true or false */
export function checkBoolean(op: string, name: string, x: unknown): void {
  if (typeof x !== "boolean") fail(op, `${name} true or false`, shown(x));
}

/** @internal A value as errors show it: strings in quotes, so that "1" is no 1. */
export function shown(x: unknown): string {
  if (x instanceof Tensor) return describe(x);
  return typeof x === "string" ? JSON.stringify(x) : String(x);
}
