// Every gradient row by finite differences, in f64 on the reference executor: the derivative in one random direction, and the derivative
// of that derivative in another.

import { afterAll, beforeAll, describe, it } from "vitest";
import type { Executor } from "../../src/executors/executor.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import { tensor } from "../../src/tensor/create.js";
import { setExecutor } from "../../src/tensor/evaluate.js";
import { grad } from "../../src/tensor/grad.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { Lcg, numbersFor, parseInput } from "../support/inputs.js";
import { type Case, differentiable, idOf, seedOf } from "./case.js";
import { lossOf } from "./conformance.js";
import { smoothCases } from "./smooth.js";

const STEP = 1e-5;

let before: Executor;
beforeAll(() => {
  before = setExecutor(new ReferenceExecutor("double"));
});
afterAll(() => {
  setExecutor(before);
});

/** A point and a direction: plain numbers for each input. */
type Point = readonly (readonly number[])[];

function pointOf(c: Case): Point {
  return c.inputs.map((text, i) => numbersFor(parseInput(text), seedOf(c, i)));
}

function directionOf(c: Case, seed: number): Point {
  const lcg = new Lcg(seed);
  const moved = new Set(differentiable(c));
  return pointOf(c).map((x, i) => x.map(() => (moved.has(i) ? 2 * lcg.uniform() - 1 : 0)));
}

const along = (x: Point, d: Point, step: number): Point => x.map((list, i) => list.map((v, j) => v + step * d[i][j]));

function tensorsAt(c: Case, x: Point): Tensor[] {
  return c.inputs.map((text, i) => {
    const { dtype, shape } = parseInput(text);
    return tensor(Float64Array.from(x[i]), { dtype }).reshape(shape);
  });
}

const scalarOf = (t: Tensor): number => Number(t.toArray());

/** The derivative of f at x along d, as the graph has it. */
function derivative(c: Case, f: (...x: Tensor[]) => Tensor, inputs: Tensor[], d: Point): Tensor {
  const argnums = differentiable(c);
  const gradients = grad(f, argnums)(...inputs);
  return gradients
    .map((g, i) => g.mul(tensor(Float64Array.from(d[argnums[i]])).reshape(g.shape)).sum())
    .reduce((a, b) => a.add(b));
}

function compare(label: string, exact: number, differences: number, tolerance: number): void {
  const error = Math.abs(exact - differences) / Math.max(1, Math.abs(differences));
  if (!(error < tolerance))
    throw new Error(`${label}: ${exact}, finite differences give ${differences} (relative error ${error})`);
}

function check(c: Case): void {
  const x = pointOf(c);
  const d = directionOf(c, seedOf(c, 101));
  const e = directionOf(c, seedOf(c, 102));
  const loss = (...inputs: Tensor[]) => lossOf(c, inputs);
  const slope = (...inputs: Tensor[]) => derivative(c, loss, inputs, d);
  const centred = (f: (...x: Tensor[]) => Tensor, direction: Point) => {
    const at = (step: number) => scalarOf(f(...tensorsAt(c, along(x, direction, step))));
    return (at(STEP) - at(-STEP)) / (2 * STEP);
  };
  const watched = (...inputs: Tensor[]) => loss(...inputs.map((t) => (t.dtype === "f32" ? t.requiresGrad_() : t)));
  compare(`${idOf(c)}: first derivative`, scalarOf(slope(...tensorsAt(c, x))), centred(watched, d), 1e-6);
  compare(`${idOf(c)}: second derivative`, scalarOf(derivative(c, slope, tensorsAt(c, x), e)), centred(slope, e), 1e-5);
}

describe("calculus: gradients and gradients of gradients against finite differences", () => {
  for (const [op, list] of smoothCases()) {
    it(op, () => {
      for (const c of list) check(c);
    });
  }
});
