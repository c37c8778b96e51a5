// Arguments that must be a text, or something to walk through.

import { fail } from "./errors.js";
import { shown } from "./show.js";

/** @throws HeedError unless it is a string */
export function checkText(op: string, x: unknown, wanted = "a text"): void {
  if (typeof x !== "string") fail(op, wanted, shown(x));
}

/** @throws HeedError unless `for ... of` can walk through it; a string is no list unless `text` says so */
export function checkList(op: string, wanted: string, x: unknown, text = false): void {
  if (typeof x === "string" && text) return;
  if (typeof x !== "object" || x === null || !(Symbol.iterator in x)) fail(op, wanted, shown(x));
}

/** @throws HeedError unless it is an array of numbers: a plain one, or a typed one */
export function checkNumbers(op: string, wanted: string, x: unknown): void {
  if (Array.isArray(x) || (ArrayBuffer.isView(x) && !(x instanceof DataView))) return;
  const isTensor = typeof x === "object" && x !== null && "dataSync" in x;
  fail(op, wanted, shown(x), isTensor ? "give its numbers, await tensor.data()" : undefined);
}
