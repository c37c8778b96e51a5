// Reading JSON that anyone may have written: each function returns a value of the type asked for, or names the place.

import { fail } from "../base/errors.js";
import { shown } from "../base/show.js";

const op = "tokenizer.json";

/** Fails for a file that is in order but needs something Heed does not do. */
export function unsupported(what: string, remedy?: string): never {
  fail(
    op,
    "a character, word, WordPiece or byte-level BPE tokenizer as Heed, BERT, GPT-2, Llama 3 or Qwen write them",
    what,
    remedy,
  );
}

export function asObject(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    fail(op, `${where} to be an object`, shown(value));
  }
  return value as Record<string, unknown>;
}

export function asArray(value: unknown, where: string): unknown[] {
  if (!Array.isArray(value)) fail(op, `${where} to be an array`, shown(value));
  return value;
}

export function asString(value: unknown, where: string): string {
  if (typeof value !== "string") fail(op, `${where} to be a string`, shown(value));
  return value;
}

/** Whether a value can be a token id; from 2^22 on it is taken for a mistake, for there are arrays as long as the ids. */
export function isId(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 22;
}

export function asId(value: unknown, where: string): number {
  if (!isId(value)) fail(op, `${where} to be an id from 0 to ${2 ** 22 - 1}`, shown(value));
  return value;
}

/** A boolean that may be left out. */
export function asFlag(value: unknown, where: string, otherwise: boolean): boolean {
  if (value === undefined || value === null) return otherwise;
  if (typeof value !== "boolean") fail(op, `${where} to be true or false`, shown(value));
  return value;
}
