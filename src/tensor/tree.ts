// Arguments and results of compiled functions: tensors inside arrays and plain objects, taken out and put back.

import { fail } from "../base/errors.js";
import { Tensor } from "./tensor.js";

/** Where the tensors stand; plain values stand for themselves. */
export type Structure =
  | { tensor: number }
  | { list: Structure[] }
  | { record: Record<string, Structure> }
  | { number: string }
  | { value: unknown };

/** Appends the tensors of `x` to `tensors` and returns its structure. @throws HeedError for anything that is not plain data */
export function flatten(x: unknown, tensors: Tensor[]): Structure {
  if (x instanceof Tensor) return { tensor: tensors.push(x) - 1 };
  if (Array.isArray(x)) return { list: x.map((item) => flatten(item, tensors)) };
  if (x === null || x === undefined || typeof x === "boolean" || typeof x === "string") return { value: x };
  // As text, in which NaN, the infinities and -0 stay apart.
  if (typeof x === "number") return { number: Object.is(x, -0) ? "-0" : String(x) };
  if (typeof x === "object" && [Object.prototype, null].includes(Object.getPrototypeOf(x))) {
    return { record: Object.fromEntries(Object.entries(x).map(([k, v]) => [k, flatten(v, tensors)])) };
  }
  return fail(
    "compile",
    "tensors, plain values, and arrays and objects of them",
    typeof x === "object" ? `a ${(x as object).constructor.name}` : typeof x,
    "let the function use it from outside instead of passing it",
  );
}

export function unflatten(structure: Structure, tensors: readonly Tensor[]): unknown {
  if ("tensor" in structure) return tensors[structure.tensor];
  if ("list" in structure) return structure.list.map((s) => unflatten(s, tensors));
  if ("record" in structure)
    return Object.fromEntries(Object.entries(structure.record).map(([k, s]) => [k, unflatten(s, tensors)]));
  return "number" in structure ? Number(structure.number) : structure.value;
}
