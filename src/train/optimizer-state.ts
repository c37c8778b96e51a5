// What an optimizer keeps of each parameter from step to step, and how that is read from where it was saved.

import { fail } from "../base/errors.js";
import { describe, sameShape } from "../base/shape.js";
import { shown } from "../base/show.js";
import { fromData } from "../tensor/create.js";
import { Tensor } from "../tensor/tensor.js";
import { checkRate, scalar } from "./parameter-group.js";

/** What is kept for a parameter from one step to the next, by name, each of the parameter's shape. */
export type Moments = Readonly<Record<string, Tensor>>;

/** A state as plain data: moments by parameter number and name, and the groups with their settings. */
export interface OptimizerStateDict {
  readonly state: Readonly<Record<number, { readonly step: number; readonly moments: Moments }>>;
  readonly groups: readonly ({ readonly params: readonly number[] } & Readonly<Record<string, unknown>>)[];
}

/** Steps taken: one count for all parameters that have been stepped together from the first. */
export interface Clock {
  readonly step: Tensor;
  readonly members: Set<Tensor>;
}

export interface State {
  clock: Clock;
  readonly moments: Record<string, Tensor>;
}

/** A group as it is read: its parameters, and what is kept of each. */
interface Wanted {
  readonly params: readonly Tensor[];
  readonly momentNames: readonly string[];
}

/**
 * The states of parameters, and the groups' learning rates, from what `stateDict` gave; its numbers are copied.
 * @throws HeedError where groups, names, shapes or step counts do not fit
 */
export function readState(
  op: string,
  saved: OptimizerStateDict,
  wanted: readonly Wanted[],
): { states: Map<Tensor, State>; rates: number[] } {
  const { state, groups } = (saved ?? {}) as OptimizerStateDict;
  const listed = Array.isArray(groups) && groups.every((group) => Array.isArray(group?.params));
  if (typeof state !== "object" || state === null || !listed)
    fail(op, "{ state, groups } as stateDict() gives them", shown(saved));
  const sizes = (list: readonly { readonly params: readonly unknown[] }[]) =>
    list.map(({ params }) => params.length).join(", ");
  if (sizes(groups) !== sizes(wanted)) fail(op, `groups of ${sizes(wanted)} parameters`, sizes(groups) || "none");
  const rates = groups.map(({ learningRate }) => learningRate as number);
  for (const rate of rates) checkRate(op, rate);
  const states = new Map<Tensor, State>();
  const clocks = new Map<string, Clock>();
  let number = 0;
  for (const [g, { params, momentNames }] of wanted.entries()) {
    for (const p of params) {
      const i = number++;
      const own = state[i];
      if (!own) continue;
      const { step } = own;
      if (!(Number.isInteger(step) && step >= 0))
        fail(op, `a whole number of steps for parameter ${i}`, shown(step), "the file may be damaged");
      const moments = readMoments(op, own.moments, momentNames, p, i);
      // Parameters of a group with equal counts were stepped together, as far as it matters: from now on they share a clock.
      const key = `${g} ${step}`;
      const clock = clocks.get(key) ?? { step: scalar(step), members: new Set() };
      clocks.set(key, clock);
      clock.members.add(p);
      states.set(p, { clock, moments });
    }
  }
  return { states, rates };
}

function readMoments(op: string, saved: Moments | undefined, names: readonly string[], p: Tensor, i: number) {
  const moments: Record<string, Tensor> = {};
  for (const name of names) {
    const moment: unknown = saved?.[name];
    if (moment === undefined)
      fail(op, `${names.join(", ")} for parameter ${i}`, Object.keys(saved ?? {}).join(", ") || "none");
    const remedy = "numbers from JSON are no tensors: keep them with saveSafetensors";
    if (!(moment instanceof Tensor)) fail(op, `${name} of parameter ${i} as a tensor`, shown(moment), remedy);
    if (!sameShape(moment.shape, p.shape))
      fail(op, `${name} of parameter ${i} with shape [${p.shape}]`, describe(moment));
    moments[name] = fromData(moment.dataSync(), p.shape, "f32");
  }
  return moments;
}
