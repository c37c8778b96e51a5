// The parameters of an optimizer, in groups with settings of their own.

import { checkList } from "../base/arguments.js";
import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, type OptionTable } from "../base/options.js";
import { describe, sizeOf } from "../base/shape.js";
import { shown } from "../base/show.js";
import { checkTensor } from "../tensor/check.js";
import { fromData } from "../tensor/create.js";
import { Tensor } from "../tensor/tensor.js";

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
    checkRate(this.optimizer, rate);
    this.current = rate;
    this.rate.fill(rate);
  }
}

/** What an optimizer says of its settings: all of them as they are unless told, and what they may be. */
export interface SettingRules<S> {
  readonly defaults: S;
  readonly table: OptionTable<S>;
  /** Throws where a group's settings make no sense. */
  readonly check: (settings: S) => void;
}

/**
 * The groups of an optimizer, each with all settings.
 * @param name the optimizer's name, for errors
 * @param options the settings of groups that have none of their own
 * @throws HeedError for no parameters, one twice, what is no leaf that requires gradients, and settings out of range
 */
export function makeGroups<S extends CommonSettings>(
  name: string,
  parameters: Parameters<S>,
  options: Partial<S>,
  rules: SettingRules<S>,
): Group<S>[] {
  checkOptions(name, options, rules.table as OptionTable<Partial<S>>, REMEDIES);
  refuseModule(name, "an array of parameters", parameters);
  checkList(name, "an array of parameters, or of groups of them", parameters);
  const list = [...(parameters as Iterable<Tensor | ParameterGroup<S>>)];
  const given: readonly { readonly params: Iterable<Tensor> }[] = list.every(isGroup)
    ? list
    : [{ params: list as Tensor[] }];
  const groups = given.map((group) => {
    const checked = checkGroup(name, group, "parameters, or groups { params: [...] }", "pass model.parameters()");
    return makeGroup(name, name, checked, options, rules);
  });
  const all = groups.flatMap((group) => group.params);
  if (all.length === 0) fail(name, "at least one parameter", "none");
  checkParameters(name, all);
  return groups;
}

/**
 * One group more, beside those that an optimizer has.
 * @param name the optimizer's name, for errors
 * @throws HeedError as `makeGroups` does, and for a parameter that is in one of the groups already
 */
export function makeAnotherGroup<S extends CommonSettings>(
  name: string,
  group: ParameterGroup<S>,
  options: Partial<S>,
  rules: SettingRules<S>,
  groups: readonly Group<S>[],
): Group<S> {
  const op = `${name}.addParamGroup`;
  const checked = checkGroup(op, group, "a group { params: [...] }", "write { params: layer.parameters() }");
  const made = makeGroup(op, name, checked, options, rules);
  checkParameters(op, made.params);
  for (const [g, { params }] of groups.entries()) {
    const twice = params.find((p) => made.params.includes(p));
    if (twice) fail(op, "parameters that are in no group yet", `${describe(twice)}, which is in group ${g}`);
  }
  return made;
}

function makeGroup<S extends CommonSettings>(
  op: string,
  name: string,
  { params, ...own }: { readonly params: readonly Tensor[] },
  options: Partial<S>,
  { defaults, table, check }: SettingRules<S>,
): Group<S> {
  checkOptions(op, own as object as Partial<S>, table as OptionTable<Partial<S>>, REMEDIES);
  const settings = { ...defaults, ...told(options), ...told(own) } as S;
  checkRate(op, settings.learningRate);
  check(settings);
  return new Group<S>(params, settings, Object.hasOwn(told(own), "learningRate"), name);
}

function checkParameters(op: string, all: readonly Tensor[]): void {
  const odd = all.find((p) => !p.isLeaf || !p.requiresGrad);
  const remedy = "pass model.parameters(), or call .requiresGrad_() first";
  if (odd) fail(op, "leaves that require gradients", describe(odd), remedy);
  if (new Set(all).size < all.length) fail(op, "each parameter once", "one of them twice");
}

/** What is not undefined: `{ weightDecay: undefined }` means the default. */
function told(options: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function isGroup<S>(x: Tensor | ParameterGroup<S>): x is ParameterGroup<S> {
  return !(x instanceof Tensor);
}

/** @throws HeedError for a module in place of its parameters */
export function refuseModule(op: string, expected: string, x: unknown): void {
  const module = typeof (x as { parameters?: unknown } | null)?.parameters === "function";
  if (module) fail(op, expected, shown(x), "pass model.parameters()");
}

/** The group with its parameters as an array: an iterator can be walked but once. */
function checkGroup(
  op: string,
  group: unknown,
  expected: string,
  remedy: string,
): { readonly params: readonly Tensor[] } {
  const { params } = (group ?? {}) as { params?: unknown };
  if (Array.isArray(group)) fail(op, expected, shown(group), remedy);
  const wanted = "{ params: [...] } with an array of parameters";
  if (params === undefined) fail(op, wanted, shown(group));
  refuseModule(op, wanted, params);
  checkList(op, wanted, params);
  const list = [...(params as Iterable<Tensor>)];
  for (const [i, p] of list.entries()) checkTensor(op, `parameter ${i}`, p);
  return { ...(group as object), params: list };
}

/** @throws HeedError unless it is a number of at least 0 */
export function checkRate(op: string, rate: number): void {
  checkRange(op, "learningRate", rate, rate >= 0, "of at least 0");
}

/** @throws HeedError unless `holds` */
export function checkRange(op: string, setting: string, value: number, holds: boolean, range: string): void {
  if (!holds || !Number.isFinite(value)) fail(op, `${setting} ${range}`, String(value));
}

/** What a step gathers for a parameter from run to run, f32 whatever the parameter is: zeros at first. */
export function zerosFor(p: Tensor): Tensor {
  return fromData(new Float32Array(sizeOf(p.shape)), p.shape, "f32").asState();
}

/** A number that compiled steps read whenever they run: f32[]. */
export function scalar(value: number): Tensor {
  return fromData([value], [], "f32").asState();
}
