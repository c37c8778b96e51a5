// What every optimizer is: groups of parameters with their settings, a state for each parameter, and a step that is written in plain tensor
// operations, so that the compiler makes one pass over memory of it. The update rules themselves are in optimizers.ts.
//
// Whatever changes from step to step lives in 0-d tensors (learning rates, step counts): a compiled step is traced once, reads them anew at
// each run, and counts by itself.

import { checkList } from "../base/arguments.js";
import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, type OptionTable } from "../base/options.js";
import { describe, sameShape, sizeOf } from "../base/shape.js";
import { shown } from "../base/show.js";
import { checkTensor } from "../tensor/check.js";
import { fromData } from "../tensor/create.js";
import { noGrad } from "../tensor/grad-mode.js";
import { assignAll, Tensor } from "../tensor/tensor.js";

/** Parameters that share settings; what is left out is the optimizer's own. */
export type ParameterGroup<S> = { readonly params: Iterable<Tensor> } & Partial<S>;
/** A model's parameters, or groups of them with settings of their own. */
export type Parameters<S> = Iterable<Tensor> | readonly ParameterGroup<S>[];

export interface CommonSettings {
  /** The size of a step. */
  readonly learningRate: number;
}

/** @internal */
export const COMMON: OptionTable<CommonSettings> = { learningRate: CHECKED };
const REMEDIES = { lr: "learningRate", beta1: "betas: [beta1, beta2]", params: "the parameters first" };

/** What is kept for a parameter from one step to the next, by name, each of the parameter's shape. */
export type Moments = Readonly<Record<string, Tensor>>;

/** A state as plain data: moments by parameter number and name, and the groups with their settings. */
export interface OptimizerStateDict {
  readonly state: Readonly<Record<number, { readonly step: number; readonly moments: Moments }>>;
  readonly groups: readonly ({ readonly params: readonly number[] } & Readonly<Record<string, unknown>>)[];
}

/** New parameter and moments from the old ones and the gradient, as expressions. */
export type Rule = (parameter: Tensor, grad: Tensor, moments: Moments) => { parameter: Tensor; moments: Moments };

/** Steps taken: one count for all parameters that have been stepped together from the first. */
interface Clock {
  readonly step: Tensor;
  readonly members: Set<Tensor>;
}

interface State {
  clock: Clock;
  readonly moments: Record<string, Tensor>;
}

/** A group as the optimizer holds it: `optimizer.groups[1].learningRate = 1e-4` sets one group's rate. */
export class Group<S extends CommonSettings> {
  readonly params: readonly Tensor[];
  readonly settings: Omit<S, "learningRate">;
  /** Read by compiled steps whenever they run. */
  readonly rate: Tensor;
  private current: number;

  constructor(
    params: readonly Tensor[],
    { learningRate, ...settings }: S,
    /** Whether `optimizer.learningRate = x` leaves this group alone. */
    readonly ownRate: boolean,
    /** The optimizer's name, for errors. */
    private readonly optimizer: string,
  ) {
    this.params = params;
    this.settings = settings;
    this.current = learningRate;
    this.rate = scalar(learningRate);
  }

  get learningRate(): number {
    return this.current;
  }

  set learningRate(rate: number) {
    checkRange(this.optimizer, "learningRate", rate, rate >= 0, "of at least 0");
    this.current = rate;
    this.rate.fill(rate);
  }
}

export abstract class Optimizer<S extends CommonSettings> {
  readonly groups: readonly Group<S>[];
  private readonly states = new Map<Tensor, State>();

  /**
   * @param name the optimizer's name, for errors
   * @param table the settings there are
   * @param check throws where a group's settings make no sense
   */
  constructor(
    private readonly name: string,
    parameters: Parameters<S>,
    defaults: S,
    options: Partial<S>,
    table: OptionTable<S>,
    check: (settings: S) => void,
  ) {
    checkOptions(name, options, table as OptionTable<Partial<S>>, REMEDIES);
    checkList(name, "an array of parameters, or of groups of them", parameters);
    const list = [...(parameters as Iterable<Tensor | ParameterGroup<S>>)];
    const groups = list.every(isGroup) ? list : [{ params: list as Tensor[] }];
    this.groups = groups.map((group) => {
      checkGroup(name, group);
      const { params, ...own } = group;
      checkOptions(name, own as Partial<S>, table as OptionTable<Partial<S>>, REMEDIES);
      const told = ([, value]: [string, unknown]) => value !== undefined;
      const given = Object.entries(own).filter(told);
      const settings = { ...defaults, ...Object.fromEntries([...Object.entries(options).filter(told), ...given]) } as S;
      checkRange(name, "learningRate", settings.learningRate, settings.learningRate >= 0, "of at least 0");
      check(settings);
      return new Group<S>(
        [...params],
        settings,
        given.some(([key]) => key === "learningRate"),
        name,
      );
    });
    const all = this.parameters;
    if (all.length === 0) fail(name, "at least one parameter", "none");
    for (const p of all) {
      if (!p.isLeaf || !p.requiresGrad) {
        fail(
          name,
          "leaves that require gradients",
          describe(p),
          "pass model.parameters(), or call .requiresGrad_() first",
        );
      }
    }
    if (new Set(all).size < all.length) fail(name, "each parameter once", "one of them twice");
  }

  /** Every parameter, group after group. */
  get parameters(): readonly Tensor[] {
    return this.groups.flatMap((group) => group.params);
  }

  /** The first group's learning rate. Setting it sets that of every group which was not given one of its own. */
  get learningRate(): number {
    return this.groups[0].learningRate;
  }

  set learningRate(rate: number) {
    for (const group of this.groups) if (!group.ownRate) group.learningRate = rate;
  }

  /** Forgets the gradients, so that the next backward begins anew. */
  zeroGrad(): void {
    for (const p of this.parameters) p.grad = null;
  }

  /**
   * Moves every parameter that has a gradient by one step. Outside `compile` the new parameters, the state, the gradients and the loss are
   * computed now, in one program; inside, it is part of the function.
   */
  step(): void {
    const pairs: [Tensor, Tensor][] = [];
    const gradients: Tensor[] = [];
    noGrad(() => {
      for (const group of this.groups) {
        const active = group.params.flatMap((p) => (p.grad ? [{ p, grad: p.grad }] : []));
        for (const [clock, members] of this.clocks(active, group)) {
          const step = clock.step.add(1);
          pairs.push([clock.step, step]);
          const update = this.rule(group, step);
          for (const { p, grad } of members) {
            const { moments } = this.states.get(p) as State;
            // Half-precision parameters are moved in f32 and rounded once, at the end.
            const next = update(p.float(), grad.float(), moments);
            pairs.push([p, next.parameter]);
            for (const [name, value] of Object.entries(next.moments)) pairs.push([moments[name], value]);
            gradients.push(grad);
          }
        }
      }
    });
    if (pairs.length > 0) assignAll(pairs, withCompany(gradients));
  }

  /** The names of what a group keeps for each parameter. */
  protected abstract momentNames(settings: Omit<S, "learningRate">): readonly string[];

  /**
   * The update of a group.
   * @param step how many steps there have been, this one included: f32[], at least 1
   */
  protected abstract rule(group: Group<S>, step: Tensor): Rule;

  /** The parameters to step, by their clocks; a clock whose members part is split, so that it counts for all of its members. */
  private clocks<P extends { readonly p: Tensor }>(active: readonly P[], group: Group<S>): Map<Clock, P[]> {
    const stepping = new Set(active.map(({ p }) => p));
    const fresh: Clock = { step: scalar(0), members: new Set() };
    const split = new Map<Clock, Clock>();
    const byClock = new Map<Clock, P[]>();
    for (const item of active) {
      const { p } = item;
      let state = this.states.get(p);
      if (!state) {
        state = { clock: fresh, moments: this.zeroMoments(p, group) };
        this.states.set(p, state);
        fresh.members.add(p);
      } else if ([...state.clock.members].some((member) => !stepping.has(member))) {
        const own = split.get(state.clock) ?? { step: scalar(state.clock.step.item()), members: new Set() };
        split.set(state.clock, own);
        state.clock.members.delete(p);
        own.members.add(p);
        state.clock = own;
      }
      byClock.set(state.clock, [...(byClock.get(state.clock) ?? []), item]);
    }
    return byClock;
  }

  private zeroMoments(p: Tensor, { settings }: Group<S>): Record<string, Tensor> {
    const names = this.momentNames(settings);
    return Object.fromEntries(names.map((name) => [name, fromData(new Float32Array(sizeOf(p.shape)), p.shape, "f32")]));
  }

  /** The state and settings, as `loadStateDict` takes them; the tensors are the live ones, not copies. */
  stateDict(): OptimizerStateDict {
    const number = new Map(this.parameters.map((p, i) => [p, i]));
    const state: Record<number, { step: number; moments: Moments }> = {};
    for (const [p, { clock, moments }] of this.states) {
      state[number.get(p) as number] = { step: clock.step.item(), moments: { ...moments } };
    }
    const groups = this.groups.map((group) => ({
      ...group.settings,
      learningRate: group.learningRate,
      params: group.params.map((p) => number.get(p) as number),
    }));
    return { state, groups };
  }

  /**
   * Goes on from a state that `stateDict` gave, copying its numbers: moments, step counts and learning rates. The other settings stay those
   * the optimizer was made with.
   * @throws HeedError, and changes nothing, where groups, names or shapes differ
   */
  loadStateDict(saved: OptimizerStateDict): void {
    const op = `${this.name}.loadStateDict`;
    const { state, groups } = (saved ?? {}) as OptimizerStateDict;
    const listed = Array.isArray(groups) && groups.every((group) => Array.isArray(group?.params));
    if (typeof state !== "object" || state === null || !listed)
      fail(op, "{ state, groups } as stateDict() gives them", shown(saved));
    const sizes = (list: readonly { readonly params: readonly unknown[] }[]) =>
      list.map(({ params }) => params.length).join(", ");
    if (sizes(groups) !== sizes(this.groups))
      fail(op, `groups of ${sizes(this.groups)} parameters`, sizes(groups) || "none");
    const loaded = new Map<Tensor, State>();
    const clocks = new Map<string, Clock>();
    let i = 0;
    for (const [g, group] of this.groups.entries()) {
      const names = this.momentNames(group.settings);
      for (const p of group.params) {
        const saved = state[i++];
        if (!saved) continue;
        const moments: Record<string, Tensor> = {};
        for (const name of names) {
          const moment = saved.moments?.[name];
          if (!moment)
            fail(
              op,
              `${names.join(", ")} for parameter ${i - 1}`,
              Object.keys(saved.moments ?? {}).join(", ") || "none",
            );
          if (!sameShape(moment.shape, p.shape))
            fail(op, `${name} of parameter ${i - 1} with shape [${p.shape}]`, describe(moment));
          moments[name] = fromData(moment.dataSync(), p.shape, "f32");
        }
        const key = `${g} ${saved.step}`;
        const clock = clocks.get(key) ?? { step: scalar(saved.step), members: new Set() };
        clocks.set(key, clock);
        clock.members.add(p);
        loaded.set(p, { clock, moments });
      }
    }
    this.states.clear();
    for (const [p, own] of loaded) this.states.set(p, own);
    for (const [g, group] of this.groups.entries()) group.learningRate = groups[g].learningRate as number;
  }
}

/** The gradients, with what should be computed in the same run as they: the loss. */
function withCompany(gradients: readonly Tensor[]): Tensor[] {
  const company = new Set<Tensor>(gradients);
  for (const { together } of gradients) {
    for (const member of together?.members ?? []) if (member instanceof Tensor) company.add(member);
  }
  return [...company];
}

function scalar(value: number): Tensor {
  return fromData([value], [], "f32");
}

function checkGroup(op: string, group: unknown): void {
  const { params } = (group ?? {}) as { params?: unknown };
  checkList(
    op,
    "{ params: [...] } with an array of parameters",
    typeof group === "object" && params !== undefined ? params : group,
  );
  for (const [i, p] of [...(params as Iterable<unknown>)].entries()) checkTensor(op, `parameter ${i}`, p);
}

function isGroup<S>(x: Tensor | ParameterGroup<S>): x is ParameterGroup<S> {
  return !(x instanceof Tensor);
}

/** @throws HeedError unless `holds` */
export function checkRange(op: string, setting: string, value: number, holds: boolean, range: string): void {
  if (!holds || !Number.isFinite(value)) fail(op, `${setting} ${range}`, String(value));
}
