// What is needed to go on with training as if it had never stopped, as the content of one safetensors file: weights, the optimizer's moments
// and step counts, the place in the data, the states of the random generators, and the run's settings. One file, so that its parts always
// belong to the same step: it is there as a whole or not at all.

import { fail } from "../base/errors.js";
import { defaultGenerator, Generator } from "../base/random.js";
import { shown } from "../base/show.js";
import { checkModule, type Module } from "../nn/module.js";
import { fromData } from "../tensor/create.js";
import type { RawTensor } from "../tensor/safetensors.js";
import type { LoadedSafetensors } from "../tensor/safetensors-file.js";
import { decodeTensor, encodeTensor } from "../tensor/safetensors-values.js";
import type { Tensor } from "../tensor/tensor.js";
import { type SamplerState, WindowSampler } from "../text/sampler.js";
import { Optimizer } from "./optimizer.js";
import type { Moments } from "./optimizer-state.js";
import type { CommonSettings } from "./parameter-group.js";

/** The things whose state changes while training. */
export interface TrainingParts {
  readonly model: Module;
  readonly optimizer: Optimizer<CommonSettings>;
  readonly sampler: WindowSampler;
  /** The sampler's. The default generator, which dropout draws from, is kept as well. */
  readonly generator: Generator;
}

/** Where a run stands, beside the numbers. */
export interface RunState {
  /** Steps done. */
  readonly step: number;
  /** How the run was set up, as plain JSON: the caller's. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The lowest loss on held-back text so far. */
  readonly best: { readonly step: number; readonly loss: number } | null;
}

export interface NamedTensors {
  readonly tensors: (readonly [string, RawTensor])[];
  readonly metadata: Readonly<Record<string, string>>;
}

interface Stored extends RunState {
  readonly version: number;
  readonly sampler: SamplerState;
  readonly optimizer: { readonly steps: Record<string, number>; readonly learningRates: readonly number[] };
}

const OP = "checkpoint";
const FORMAT = "heed-training";
const VERSION = 1;

/**
 * The weights of a model for a file.
 * @throws HeedError where one is NaN or infinite: such weights must not replace good ones
 */
export function packWeights(model: Module, prefix = ""): (readonly [string, RawTensor])[] {
  checkModule("packWeights", "a module", model);
  return Object.entries(model.stateDict()).map(([name, tensor]) => [prefix + name, pack(name, tensor)]);
}

function checkParts(op: string, parts: TrainingParts): TrainingParts {
  const { model, optimizer, sampler, generator } = (parts ?? {}) as TrainingParts;
  checkModule(op, "model as a module", model);
  if (!(optimizer instanceof Optimizer)) fail(op, "optimizer as one of heed/train", shown(optimizer));
  if (!(sampler instanceof WindowSampler)) fail(op, "sampler as a WindowSampler", shown(sampler));
  if (!(generator instanceof Generator)) fail(op, "generator as in new Generator(123)", shown(generator));
  return parts;
}

/** The state of a run, for a file. @throws HeedError as packWeights */
export function packTraining(parts: TrainingParts, run: RunState): NamedTensors {
  const { model, optimizer, sampler, generator } = checkParts("packTraining", parts);
  if (typeof run !== "object" || run === null) fail("packTraining", "the state of a run", shown(run));
  const names = parameterNames(model, optimizer);
  const { state, groups } = optimizer.stateDict();
  const steps: Record<string, number> = {};
  const moments: (readonly [string, RawTensor])[] = [];
  for (const [i, saved] of Object.entries(state)) {
    const parameter = names[Number(i)];
    steps[parameter] = saved.step;
    for (const [name, moment] of Object.entries(saved.moments)) {
      const full = `optimizer.${parameter}.${name}`;
      moments.push([full, pack(full, moment)]);
    }
  }
  const stored: Stored = {
    ...run,
    version: VERSION,
    sampler: sampler.state(),
    optimizer: { steps, learningRates: groups.map((group) => group.learningRate as number) },
  };
  const bytes = (generator: Generator): RawTensor => {
    const state = generator.state();
    return { dtype: "U8", shape: [state.length], bytes: state };
  };
  return {
    tensors: [
      ...packWeights(model, "model."),
      ...moments,
      ["generator.default", bytes(defaultGenerator)],
      ["generator.data", bytes(generator)],
    ],
    metadata: { format: FORMAT, step: String(run.step), state: JSON.stringify(stored) },
  };
}

/** Where the run of a training file stands. @throws HeedError where it is no such file, or a later version's */
export function readRunState({ metadata, files }: LoadedSafetensors): RunState {
  return stored(metadata, files);
}

/**
 * Puts everything back as it was when `file` was packed: the next step is the one that would have come next.
 * @throws HeedError where file, model, optimizer and text do not fit together
 */
export function restoreTraining(parts: TrainingParts, file: LoadedSafetensors): RunState {
  const { model, optimizer, sampler, generator } = checkParts("restoreTraining", parts);
  const state = stored(file.metadata, file.files);
  const tensor = (name: string): RawTensor =>
    file.tensors.get(name) ?? fail(OP, `${name} in ${file.files[0]}`, "none", "the file is damaged");
  const weights = [...file.tensors].filter(([name]) => name.startsWith("model."));
  model.loadStateDict(new Map(weights.map(([name, raw]) => [name.slice("model.".length), unpack(name, raw)])));
  const moments: Record<number, { step: number; moments: Moments }> = {};
  const names = parameterNames(model, optimizer);
  for (const [i, parameter] of names.entries()) {
    const step = state.optimizer.steps[parameter];
    if (step === undefined) continue;
    const prefix = `optimizer.${parameter}.`;
    const own = [...file.tensors].filter(([name]) => name.startsWith(prefix));
    const entries = own.map(([name, raw]) => [name.slice(prefix.length), unpack(name, raw)]);
    moments[i] = { step, moments: Object.fromEntries(entries) };
  }
  let first = 0;
  const groups = optimizer.groups.map(({ params }, g) => {
    const numbers = params.map((_, i) => first + i);
    first += params.length;
    return { params: numbers, learningRate: state.optimizer.learningRates[g] };
  });
  optimizer.loadStateDict({ state: moments, groups });
  sampler.restore(state.sampler);
  generator.setState(tensor("generator.data").bytes);
  defaultGenerator.setState(tensor("generator.default").bytes);
  return state;
}

function stored(metadata: ReadonlyMap<string, string>, files: readonly string[]): Stored {
  const [path] = files;
  if (metadata.get("format") !== FORMAT)
    fail(OP, `${path} to be the training state of a Heed run`, "another safetensors file");
  let state: Partial<Stored>;
  try {
    state = JSON.parse(metadata.get("state") ?? "");
  } catch (error) {
    return fail(OP, `${path} to hold its state as JSON`, (error as Error).message, "the file is damaged");
  }
  if (state.version !== VERSION)
    fail(OP, `${path} to be of version ${VERSION}`, String(state.version), "use the Heed that wrote it");
  const { step, settings, sampler, optimizer } = state;
  const whole = Number.isSafeInteger(step) && typeof settings === "object" && settings && sampler && optimizer?.steps;
  if (!whole || !Array.isArray(optimizer.learningRates))
    fail(OP, `${path} to hold the whole state of a run`, "a part", "the file is damaged");
  return state as Stored;
}

/** The model's names of the optimizer's parameters, in its order. */
function parameterNames(model: Module, optimizer: Optimizer<CommonSettings>): string[] {
  const names = new Map<Tensor, string>(model.namedParameters().map(([name, parameter]) => [parameter, name]));
  return optimizer.parameters.map(
    (p) => names.get(p) ?? fail(OP, "an optimizer of the model's parameters", "one of others"),
  );
}

function pack(name: string, tensor: Tensor): RawTensor {
  const raw = tensor.raw();
  // A double-precision executor's numbers are rounded; half precision lies there as bit patterns.
  const data = raw instanceof Float64Array ? Float32Array.from(raw) : (raw as Float32Array);
  const floats = data instanceof Uint16Array ? tensor.dataSync() : data;
  for (let i = 0; i < floats.length; i++) {
    if (!Number.isFinite(floats[i]))
      fail(
        OP,
        `finite numbers in ${name}`,
        `${floats[i]} at ${i}`,
        "lower the learning rate; nothing was saved over the last checkpoint",
      );
  }
  return encodeTensor({ dtype: tensor.dtype, shape: tensor.shape, data });
}

function unpack(name: string, raw: RawTensor): Tensor {
  const { dtype, shape, data } = decodeTensor(name, raw);
  return fromData(data, shape, dtype);
}
