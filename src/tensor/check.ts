// Arguments that must be tensors: plain numbers and arrays are not taken for them, for their dtype and device would be guesses.

import { fail } from "../base/errors.js";
import { kind } from "../base/options.js";
import { shown } from "../base/show.js";
import type { Node } from "../graph/node.js";
import { isList, TensorCore } from "./core.js";

/** @internal */
export const TENSOR = kind<never>("as a tensor", (x) => x instanceof TensorCore);

/** @internal @throws HeedError unless the argument `name` of `op` is a tensor */
export function checkTensor(op: string, name: string, x: unknown): void {
  if (!(x instanceof TensorCore)) noTensor(op, name, x);
}

/** @internal The argument itself, which must be a tensor. */
export function given<X>(op: string, name: string, x: X): X {
  return x instanceof TensorCore ? x : noTensor(op, name, x);
}

/** @internal As checkTensor, for what may be left out. */
export function checkOptionalTensor(op: string, name: string, x: unknown): void {
  if (x !== undefined && x !== null && !(x instanceof TensorCore)) noTensor(op, name, x);
}

/** @internal @throws HeedError unless the argument is a list of tensors, at least one */
export function checkTensors(op: string, name: string, list: unknown): void {
  if (!Array.isArray(list))
    fail(op, `${name} as an array of tensors`, shown(list), list instanceof TensorCore ? "write [a, b]" : undefined);
  if (list.length === 0) fail(op, "at least one tensor", "none");
  for (let i = 0; i < list.length; i++) checkTensor(op, `${name}[${i}]`, list[i]);
}

/** @internal The node of an argument that must be a tensor. */
export function nodeOf(op: string, name: string, x: TensorCore<unknown>): Node {
  return x instanceof TensorCore ? x.node : noTensor(op, name, x);
}

/** @internal */
export function noTensor(op: string, name: string, x: unknown): never {
  const remedy =
    typeof x === "number" || isList(x) ? "make it one with tensor(...)" : x instanceof Promise ? "await it" : undefined;
  fail(op, `${name} as a tensor`, shown(x), remedy);
}
