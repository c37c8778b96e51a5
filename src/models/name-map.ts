// Between the names of a checkpoint and a model's own: each model family has a table at the bottom of its file, this file applies it.

import { fail } from "../base/errors.js";
import { describe, sizeOf } from "../base/shape.js";
import { shown } from "../base/show.js";
import type { StateDict } from "../nn/state.js";
import { Tensor } from "../tensor/tensor.js";

/** Own names to the checkpoint's, with `*` for a block's number on both sides. */
export type NameMap = Readonly<Record<string, string | { readonly name: string; readonly transposed: true }>>;

export interface Foreign {
  readonly map: NameMap;
  /** What names may begin with, and need not. */
  readonly prefix: string;
  /** Entries that mean nothing here: stored buffers, copies of tied weights. */
  readonly ignored: RegExp;
}

interface Match {
  readonly name: string;
  readonly transposed: boolean;
}

function foreignName(own: string, map: NameMap): Match {
  const number = /\.(\d+)\./.exec(own)?.[1];
  const entry = map[number === undefined ? own : own.replace(`.${number}.`, ".*.")];
  if (entry === undefined) fail("NameMap", `a row for ${own}`, "none");
  const { name, transposed } = typeof entry === "string" ? { name: entry, transposed: false } : entry;
  return { name: number === undefined ? name : name.replace("*", number), transposed };
}

/**
 * A checkpoint as a state dict, whether it came as one or as the map that `loadSafetensors` gives.
 * @throws HeedError for anything else, a promise of it included
 */
export function checkpointOf(op: string, state: StateDict | ReadonlyMap<string, Tensor>): StateDict {
  if (typeof state !== "object" || state === null || state instanceof Promise) {
    const remedy = state instanceof Promise ? "await it" : "pass what loadSafetensors gave";
    fail(op, "tensors by name", shown(state), remedy);
  }
  const entries: [string, Tensor][] = state instanceof Map ? [...state] : Object.entries(state as StateDict);
  const odd = entries.find(([, tensor]) => !(tensor instanceof Tensor));
  if (odd) fail(op, "tensors by name", `${shown(odd[1])} as ${odd[0]}`, "pass what loadSafetensors gave");
  return Object.fromEntries(entries);
}

/**
 * Before a model is built: what a config says must not be far more than the checkpoint holds, or a wrong number in it takes all memory.
 * @param numbers how many the model's large matrices will hold
 * @throws HeedError where these are more than four times what is there, and more than a million
 */
export function checkCheckpointSize(op: string, given: StateDict, numbers: number): void {
  const there = Object.values(given).reduce((sum, x) => sum + sizeOf(x.shape), 0);
  if (numbers <= 4 * there + 1e6) return;
  const count = (n: number) => n.toLocaleString("en-US");
  fail(op, `a checkpoint of about ${count(numbers)} numbers, as its config says`, `one of ${count(there)}`);
}

/**
 * A checkpoint's tensors under the names and in the layout of `own`, a model's state dict.
 * @throws HeedError that lists every missing, unexpected and misshapen name, in the checkpoint's words
 */
export function importState(op: string, given: StateDict, own: StateDict, foreign: Foreign): StateDict {
  const { map, prefix, ignored } = foreign;
  const plain = (name: string) => (name.startsWith(prefix) ? name.slice(prefix.length) : name);
  const source = new Map(Object.entries(given).map(([name, tensor]) => [plain(name), tensor]));
  const result: StateDict = {};
  const missing: string[] = [];
  const misshapen: string[] = [];
  for (const [ownName, target] of Object.entries(own)) {
    const { name, transposed } = foreignName(ownName, map);
    const tensor = source.get(name);
    if (!tensor) {
      missing.push(name);
      continue;
    }
    source.delete(name);
    const wanted = transposed ? [...target.shape].reverse() : target.shape;
    const fits = tensor.ndim === wanted.length && wanted.every((n, i) => n === tensor.shape[i]);
    if (fits) result[ownName] = turn(tensor, transposed);
    else misshapen.push(`${name} (${describe(tensor)} for ${describe({ dtype: target.dtype, shape: wanted })})`);
  }
  const unexpected = [...source.keys()].filter((name) => !ignored.test(name));
  const wrong = Object.entries({ missing, unexpected, misshapen }).filter(([, names]) => names.length > 0);
  if (wrong.length > 0) {
    const got = wrong.map(([what, names]) => `${what}: ${names.join(", ")}`).join("; ");
    fail(op, `a checkpoint with the ${Object.keys(own).length} tensors of the model`, got);
  }
  return result;
}

/** A model's state dict under the checkpoint's names and in its layout. */
export function exportState(own: StateDict, foreign: Foreign): StateDict {
  const entries = Object.entries(own).map(([ownName, tensor]): [string, Tensor] => {
    const { name, transposed } = foreignName(ownName, foreign.map);
    return [foreign.prefix + name, turn(tensor.detach(), transposed)];
  });
  return Object.fromEntries(entries);
}

function turn(tensor: Tensor, transposed: boolean): Tensor {
  return transposed ? tensor.transpose(0, 1) : tensor;
}
