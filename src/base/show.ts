// Values as errors show them: short whatever they are, and told apart from what they look like ("1" is no 1).

import { DTYPES, type DType } from "./dtype.js";

/** `f32[2,3]`, `"words"`, `an array of 3 numbers`, `an object with a, b`, `a Map`, `null`, `1.5`. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) return list(value);
  if (isTensorLike(value)) return `${value.dtype}[${value.shape}]`;
  const name = Object.getPrototypeOf(value)?.constructor?.name ?? "Object";
  if (ArrayBuffer.isView(value)) return `a ${name} of ${(value as Uint8Array).length ?? value.byteLength}`;
  if (name !== "Object" && name !== "") return `${/^[AEIOU][a-z]/.test(name) ? "an" : "a"} ${name}`;
  const keys = Object.keys(value).slice(0, 4).join(", ");
  return `an object with ${keys === "" ? "no keys" : keys.length > 60 ? `${keys.slice(0, 60)}...` : keys}`;
}

function list(items: readonly unknown[]): string {
  const [first] = items;
  const alike =
    items.length > 0 &&
    items.every((item) => typeof item === typeof first && Array.isArray(item) === Array.isArray(first));
  const plural = Array.isArray(first) ? "arrays" : isTensorLike(first) ? "tensors" : `${typeof first}s`;
  const named = alike && first !== null && plural !== "objects" && plural !== "undefineds";
  const what = named ? ` ${items.length === 1 ? plural.slice(0, -1) : plural}` : "";
  return `an array of ${items.length}${what}`;
}

/** Tensors are made far above this file: they are known by what they have. */
function isTensorLike(value: unknown): value is { readonly dtype: DType; readonly shape: readonly number[] } {
  if (typeof value !== "object" || value === null || !("dtype" in value) || !("shape" in value)) return false;
  return Object.hasOwn(DTYPES, value.dtype as string) && Array.isArray(value.shape);
}
