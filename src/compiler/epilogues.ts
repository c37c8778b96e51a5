// The pass that lets a matmul finish its own result: an elementwise step that follows on a product (bias, activation, a gradient's factor)
// is done tile by tile while the product is still in the cache, and where nobody else reads the product itself, it is never stored apart.

import { reshapeView, sizeOf } from "../base/shape.js";
import { keepOrder, operandsOf } from "../program/operands.js";
import type { ElementwiseStep, Epilogue, MatmulStep, Operand, Step } from "../program/program.js";
import type { Draft } from "./draft.js";

export function fuseEpilogues(draft: Draft): Draft {
  const steps: (Step | null)[] = [...draft.steps];
  for (let i = 0; i < steps.length; i++) {
    const product = steps[i];
    if (product?.kind !== "matmul" || product.epilogue) continue;
    const at = nextReader(steps, i, product.c.buffer);
    const follower = at < 0 ? null : steps[at];
    if (follower?.kind !== "elementwise" || follower.rowwise) continue;
    const epilogue = aligned(product, follower);
    if (!epilogue || !canMoveUp(steps, i, at, follower)) continue;
    const alone = draft.buffers[product.c.buffer].role === "temporary" && !readElsewhere(steps, product.c.buffer, at);
    steps[i] = finish(product, epilogue, follower, alone);
    steps[at] = null;
  }
  return { ...draft, steps: steps.filter((s) => s !== null) };
}

function nextReader(steps: readonly (Step | null)[], from: number, buffer: number): number {
  for (let i = from + 1; i < steps.length; i++) {
    const step = steps[i];
    if (step && operandsOf(step).reads.some((o) => o.buffer === buffer)) return i;
  }
  return -1;
}

function readElsewhere(steps: readonly (Step | null)[], buffer: number, except: number): boolean {
  return steps.some(
    (step, i) => step !== null && i !== except && operandsOf(step).reads.some((o) => o.buffer === buffer),
  );
}

/** The follower's operands over [batch..., M, N], where it reads the product element by element; null otherwise. */
function aligned(product: MatmulStep, follower: ElementwiseStep): Epilogue | null {
  const domain = [...product.batch, product.m, product.n];
  if (sizeOf(follower.shape) !== sizeOf(domain) || sizeOf(domain) === 0) return null;
  // Indices and random numbers depend on the position in the follower's own domain.
  if (follower.body.instructions.some((i) => i.op === "iota" || i.op === "random")) return null;
  const over = (o: Operand): Operand | null => {
    const view = reshapeView({ shape: follower.shape, strides: o.strides, offset: o.offset }, domain);
    return view && { ...o, strides: view.strides };
  };
  const inputs = follower.inputs.map(over);
  const outputs = follower.outputs.map(over);
  if (inputs.includes(null) || outputs.includes(null)) return null;
  const { c } = product;
  const self = (inputs as Operand[]).filter((o) => o.buffer === c.buffer);
  const sameView = (o: Operand) =>
    o.offset === c.offset && o.strides.every((s, i) => s === c.strides[i] || domain[i] === 1);
  if (self.length === 0 || !self.every(sameView)) return null;
  return { inputs: inputs as Operand[], outputs: outputs as Operand[], body: follower.body };
}

/** True where nothing between the two steps touches what the follower reads or writes. */
function canMoveUp(steps: readonly (Step | null)[], to: number, from: number, follower: ElementwiseStep): boolean {
  const product = steps[to] as MatmulStep;
  // The product's own operands are read while the epilogue writes.
  if (follower.outputs.some((o) => o.buffer === product.a.buffer || o.buffer === product.b.buffer)) return false;
  return !steps.slice(to + 1, from).some((step) => step && keepOrder(step, follower));
}

/** Where the product is needed by its epilogue alone, it is computed in the place of the first result that has its layout. */
function finish(product: MatmulStep, epilogue: Epilogue, follower: ElementwiseStep, alone: boolean): MatmulStep {
  const label = `matmul, ${follower.label}`;
  const flops = product.flops + follower.flops;
  const { c } = product;
  const code = epilogue.body.instructions;
  // The product must have been read before a result is stored over it.
  const lastRead = code.findLastIndex((i) => i.op === "load" && epilogue.inputs[i.input].buffer === c.buffer);
  const home =
    alone &&
    epilogue.outputs.find(
      (o, at) =>
        o.dtype === c.dtype &&
        !epilogue.inputs.some((i) => i.buffer === o.buffer) &&
        lastRead < code.findIndex((i) => i.op === "store" && i.output === at),
    );
  if (!home) return { ...product, label, flops, epilogue };
  const inputs = epilogue.inputs.map((o) => (o.buffer === c.buffer ? home : o));
  return { ...product, label, flops, c: home, epilogue: { ...epilogue, inputs } };
}
