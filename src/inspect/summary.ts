// What a model is made of: a table of its layers with output shapes, parameters and flops. The model runs once on shapes alone, so nothing is
// computed; calls.ts watches, and the flops are those of the programs that the layers' graphs become.

import { DTYPES, type DType } from "../base/dtype.js";
import { fail, HeedError } from "../base/errors.js";
import { CHECKED, checkOptions, type OptionTable } from "../base/options.js";
import { describe } from "../base/shape.js";
import { shown } from "../base/show.js";
import { Module } from "../nn/module.js";
import { join, ownModules, ownParameters } from "../nn/naming.js";
import type { Parameter } from "../nn/parameter.js";
import { countFlops, usedBy } from "../tensor/explain.js";
import { noGrad } from "../tensor/grad-mode.js";
import { onShapes, shapeOnly } from "../tensor/on-shapes.js";
import { Tensor } from "../tensor/tensor.js";
import { type Call, forwardOf, recordCalls, tensorsIn } from "./calls.js";
import { printSummary } from "./summary-text.js";

/** A shape, or what forward takes: tensors, shapes in their place, and other arguments as they are. */
export type SummaryInputs = readonly number[] | Tensor | readonly unknown[];

/** What `summary` is told beside the inputs. */
export interface SummaryOptions {
  /** Of the inputs given as shapes: one for all, or one for each argument; f32. */
  dtype?: DType | readonly DType[];
  /** How deep the table goes: 0 is the model alone; all levels unless given. */
  depth?: number;
}

const SUMMARY: OptionTable<SummaryOptions> = { dtype: CHECKED, depth: CHECKED };

/** One layer. */
export interface SummaryRow {
  /** Its dotted name; empty for the model. */
  readonly path: string;
  readonly type: string;
  readonly depth: number;
  /** The tensors of its (last) result; null where forward was not called. */
  readonly output: string | null;
  /** How often forward was called. */
  readonly calls: number;
  /** The numbers of the parameters here and below, without those that a layer above in the table has counted. */
  readonly parameters: number;
  /** Of these, the ones that require gradients. */
  readonly trainable: number;
  /** Of all calls; null where there was none. */
  readonly flops: number | null;
  /** What else there is to say: shared weights, the place where the same layer stands already. */
  readonly notes: readonly string[];
}

/** What `summary` returns; it prints as a table. */
export class Summary {
  constructor(
    readonly rows: readonly SummaryRow[],
    /** How many numbers all parameters hold, shared ones counted once. */
    readonly parameters: number,
    /** Of these, the ones that require gradients. */
    readonly trainable: number,
    /** The memory of the parameters. */
    readonly parameterBytes: number,
    /** One forward without gradients. */
    readonly flops: number,
  ) {}

  get frozen(): number {
    return this.parameters - this.trainable;
  }

  toString(): string {
    return printSummary(this);
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}

/**
 * The layers of a model with output shapes, parameters and flops, for an input of this shape, or for the arguments of forward: shapes or
 * tensors, of which only shape and dtype count, and anything else as it is.
 *
 * The model runs in evaluation mode on shapes alone: nothing is computed, no random number is drawn, and mode and fields are as before. A
 * layer's flops are those of the program that its part of the graph becomes, fused as `explain` shows it, a multiply-add as 2; results that
 * the model's result does not need are not computed.
 * @throws HeedError for what is no module with a forward, for inputs that are no shapes, and what forward throws
 * @example console.log(summary(new GPT({ vocabularySize: 65, context: 64, layers: 4, heads: 4, width: 128 }), [1, 64], { dtype: "i32" }));
 */
export function summary(model: Module, inputs: SummaryInputs, options: SummaryOptions = {}): Summary {
  if (!(model instanceof Module) || !forwardOf(model)) fail("summary", "a module with a forward", show(model));
  checkOptions("summary", options, SUMMARY, { dtypes: "dtype" });
  const { depth = Number.POSITIVE_INFINITY } = options;
  if (!(depth >= 0)) fail("summary", "a depth of at least 0", String(depth));
  const args = argumentsFor(inputs, options.dtype ?? "f32");
  const { calls } = recordCalls(model, () => {
    model.eval();
    try {
      return noGrad(() => onShapes("summary", () => (model as unknown as { forward: (...args: unknown[]) => unknown }).forward(...args))); // biome-ignore format: short
    } catch (error) {
      if (options.dtype !== undefined || !(error instanceof HeedError) || !error.message.includes("i32")) throw error;
      return fail("summary", "inputs that the model takes", `shapes, which stand for f32 (${error.message})`, 'for token ids pass { dtype: "i32" }'); // biome-ignore format: short
    }
  });
  const whole = calls[calls.length - 1];
  const needed = usedBy(whole.outputs);
  const rows = new Rows(calls, (call) => countFlops(call.outputs.filter(needed), call.inputs)).of(model);
  const parameters = model.parameters();
  return new Summary(
    rows.filter((row) => row.depth <= depth),
    model.countParameters(),
    model.countParameters({ trainableOnly: true }),
    parameters.reduce((sum, { numel, dtype }) => sum + numel * DTYPES[dtype].bytes, 0),
    rows[0].flops as number,
  );
}

/** The table's rows, in the order of the modules' fields. */
class Rows {
  private readonly rows: SummaryRow[] = [];
  private readonly paths = new Map<Module, string>();
  private readonly names = new Map<Parameter, string>();

  constructor(
    private readonly calls: readonly Call[],
    private readonly flopsOf: (call: Call) => number,
  ) {}

  of(model: Module): SummaryRow[] {
    this.visit(model, "", 0);
    return this.rows;
  }

  private visit(module: Module, path: string, depth: number): { parameters: number; trainable: number } {
    const known = this.paths.get(module);
    const row = { path, type: module.typeName, depth };
    if (known !== undefined) {
      const notes = [`the same as ${known === "" ? "the model" : known}`];
      this.rows.push({ ...row, output: null, calls: 0, parameters: 0, trainable: 0, flops: null, notes });
      return { parameters: 0, trainable: 0 };
    }
    this.paths.set(module, path);
    const at = this.rows.push({ ...row, output: null, calls: 0, parameters: 0, trainable: 0, flops: null, notes: [] });
    const counts = { parameters: 0, trainable: 0 };
    const notes: string[] = [];
    for (const [name, parameter] of ownParameters(module)) {
      const first = this.names.get(parameter);
      if (first !== undefined) {
        notes.push(`${name} is ${first}`);
        continue;
      }
      this.names.set(parameter, join(path, name));
      counts.parameters += parameter.numel;
      if (parameter.requiresGrad) counts.trainable += parameter.numel;
    }
    for (const [name, part] of ownModules<Module>(module)) {
      const below = this.visit(part, join(path, name), depth + 1);
      counts.parameters += below.parameters;
      counts.trainable += below.trainable;
    }
    const own = this.calls.filter((call) => call.module === module);
    this.rows[at - 1] = {
      ...row,
      ...counts,
      output: own.length === 0 ? null : own[own.length - 1].outputs.map(describe).join(" "),
      calls: own.length,
      flops: own.length === 0 ? null : own.reduce((sum, call) => sum + this.flopsOf(call), 0),
      notes,
    };
    return counts;
  }
}

function argumentsFor(inputs: SummaryInputs, dtype: DType | readonly DType[]): unknown[] {
  if (!(inputs instanceof Tensor) && !Array.isArray(inputs))
    fail("summary", "a shape, a tensor, or a list of them", show(inputs));
  const list: readonly unknown[] = inputs instanceof Tensor || isShape(inputs) ? [inputs] : inputs;
  if (list.length === 0) fail("summary", "a shape, a tensor, or a list of them", "an empty list");
  return list.map((x, i) => {
    if (!isShape(x)) return withoutNumbers(x);
    const own = typeof dtype === "string" ? dtype : (dtype[i] ?? "f32");
    if (!Object.hasOwn(DTYPES, own)) fail("summary", `a dtype of ${Object.keys(DTYPES).join(", ")}`, String(own));
    return shapeOnly(x, own);
  });
}

/** The same value with other tensors of the same shapes. */
function withoutNumbers(value: unknown): unknown {
  const known = new Map<Tensor, Tensor>();
  const replaced = (x: unknown): unknown => {
    if (x instanceof Tensor) {
      if (!known.has(x)) known.set(x, shapeOnly(x.shape, x.dtype));
      return known.get(x);
    }
    if (tensorsIn(x).length === 0) return x;
    if (Array.isArray(x)) return x.map(replaced);
    return Object.fromEntries(Object.entries(x as object).map(([key, part]) => [key, replaced(part)]));
  };
  return replaced(value);
}

function isShape(x: unknown): x is number[] {
  return Array.isArray(x) && x.length > 0 && x.every((n) => Number.isInteger(n) && n >= 0);
}

function show(value: unknown): string {
  return value instanceof Module ? `a ${value.typeName} without one` : shown(value);
}
