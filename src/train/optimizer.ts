// What every optimizer is: groups of parameters, a state for each parameter, and a step that is written in plain tensor operations, so that
// the compiler makes one pass over memory of it. The update rules themselves are in optimizers.ts, groups in parameter-group.ts, reading a
// saved state in optimizer-state.ts.
//
// Whatever changes from step to step lives in 0-d tensors (learning rates, step counts): a compiled step is traced once, reads them anew at
// each run, and counts by itself.

import { fail } from "../base/errors.js";
import { noGrad } from "../tensor/grad-mode.js";
import { assignAll, Tensor } from "../tensor/tensor.js";
import { tracing } from "../tensor/trace.js";
import { type Clock, type Moments, type OptimizerStateDict, readState, type State } from "./optimizer-state.js";
import {
  type CommonSettings,
  type Group,
  makeAnotherGroup,
  makeGroups,
  type ParameterGroup,
  type Parameters,
  type SettingRules,
  scalar,
  zerosFor,
} from "./parameter-group.js";

/** New parameter and moments from the old ones and the gradient, as expressions. */
export type Rule = (parameter: Tensor, grad: Tensor, moments: Moments) => { parameter: Tensor; moments: Moments };

/** What `SGD`, `Adam` and `AdamW` share: groups of parameters, their learning rates, `step`, `zeroGrad`, and a state to save. */
export abstract class Optimizer<S extends CommonSettings> {
  private readonly held: Group<S>[];
  private readonly states = new Map<Tensor, State>();
  /** What groups without settings of their own have. */
  private options: Partial<S>;
  /** Counts what a compiled step must be traced anew for: groups that came, states that were loaded. */
  private edition = 0;
  private readonly another: (group: unknown) => Group<S>;

  /** @param name the optimizer's name, for errors */
  constructor(
    private readonly name: string,
    parameters: Parameters<S>,
    options: Partial<S>,
    rules: SettingRules<S>,
  ) {
    this.held = makeGroups(name, parameters, options, rules);
    this.options = { ...options };
    this.another = (group) => makeAnotherGroup(name, group as ParameterGroup<S>, this.options, rules, this.held);
  }

  /** In the order in which they were given and added. */
  get groups(): readonly Group<S>[] {
    const { edition } = this;
    tracing()?.guard(() => this.edition === edition);
    return this.held;
  }

  /**
   * Adds a group, as for layers that are trained from now on: its state begins with its first step, and a compiled step takes it up by
   * itself. What it leaves out is the optimizer's own, the learning rate as `optimizer.learningRate = x` last set it. A state with the group
   * is loaded after the group is added.
   * @throws HeedError, and changes nothing, for a parameter that is in a group already, no group, and settings out of range
   * @example optimizer.addParamGroup({ params: model.blocks.parameters(), learningRate: 1e-4 });
   */
  addParamGroup(group: ParameterGroup<S>): void {
    const op = `${this.name}.addParamGroup`;
    if (tracing()) fail(op, "to be called outside compile", "a call inside", "add the group before the step");
    this.held.push(this.another(group));
    this.edition++;
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
    this.options = { ...this.options, learningRate: rate };
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
    return Object.fromEntries(names.map((name) => [name, zerosFor(p)]));
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
   * @throws HeedError, and changes nothing, where groups, names, shapes or step counts do not fit
   */
  loadStateDict(saved: OptimizerStateDict): void {
    const wanted = this.groups.map(({ params, settings }) => ({ params, momentNames: this.momentNames(settings) }));
    const { states, rates } = readState(`${this.name}.loadStateDict`, saved, wanted);
    this.edition++;
    this.states.clear();
    for (const [p, state] of states) this.states.set(p, state);
    for (const [g, group] of this.groups.entries()) group.learningRate = rates[g];
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
