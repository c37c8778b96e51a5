// Running a function on shapes: its tensor operations build their graph and nothing else happens. No number is computed or drawn, and what
// the function assigns to tensors, or does to their gradients, is undone.

import type { DType } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import type { Shape } from "../base/shape.js";
import type { Node } from "../graph/node.js";
import { Tensor } from "./tensor.js";
import { type Trace, withTrace } from "./trace.js";
import { leafOf, Value } from "./value.js";

/** A tensor that has a shape and no numbers; asking for them fails. */
export function shapeOnly(shape: Shape, dtype: DType): Tensor {
  return new Tensor(leafOf(new Value(dtype, shape, null, null)), false);
}

/** Calls `body`, in which tensors may come from `shapeOnly`. @throws HeedError for an async function */
export function onShapes<R>(op: string, body: () => R): R {
  const trace = new ShapeTrace();
  try {
    const result = withTrace(trace, body);
    if (result instanceof Promise) fail(op, "a synchronous forward", "an async one");
    return result;
  } finally {
    trace.restore();
  }
}

class ShapeTrace implements Trace {
  private readonly nodes = new Map<Tensor, Node>();
  private readonly grads = new Map<Tensor, Tensor | null>();
  private readonly seed = leafOf(new Value("i32", [], null, null, "seed"));
  private streams = 0;

  assign(tensor: Tensor, node: Node): void {
    if (!this.nodes.has(tensor)) this.nodes.set(tensor, tensor.rawNode);
    tensor.setNode(node);
  }

  setGrad(tensor: Tensor, before: Tensor | null): void {
    if (!this.grads.has(tensor)) this.grads.set(tensor, before);
  }

  readGrad(): void {}

  capture(): void {}

  randomStream(): { seed: Node; stream: number } {
    return { seed: this.seed, stream: this.streams++ };
  }

  guard(): void {}

  restore(): void {
    for (const [tensor, node] of this.nodes) tensor.setNode(node);
    for (const [tensor, grad] of this.grads) tensor.rawGrad = grad;
  }
}
