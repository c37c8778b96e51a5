// loss.backward(): one gradient node for each leaf that asks for one. Nothing is computed here; the pass `differentiate` makes the nodes
// plain when numbers are wanted.

import { fail } from "../base/errors.js";
import { describe, sameShape } from "../base/shape.js";
import { add, gradient, like } from "../graph/build.js";
import { type Node, topological } from "../graph/node.js";
import type { Together } from "./core.js";
import type { Tensor } from "./tensor.js";
import { leafValue } from "./value.js";

/** Which tensor a leaf's value belongs to, for those that require gradients. */
const owners = new WeakMap<object, WeakRef<Tensor>>();

/** @internal Called for each parameter: backward finds it by the value its leaf holds. */
export function own(tensor: Tensor): void {
  owners.set(leafValue(tensor.rawNode), new WeakRef(tensor));
}

export function backward(loss: Tensor, seed: Tensor | undefined, retained: Set<WeakRef<Tensor>>): void {
  if (!loss.requiresGrad)
    fail(
      "backward",
      "a tensor that depends on a parameter",
      `${describe(loss)}, which requires no gradient`,
      "call .requiresGrad_() on the leaves before computing with them, outside noGrad",
    );
  if (!seed && loss.numel !== 1)
    fail(
      "backward",
      "a loss with one element, or the gradient as an argument",
      describe(loss),
      "reduce it with .mean() or .sum()",
    );
  if (seed && !sameShape(seed.shape, loss.shape))
    fail("backward", `a gradient of shape [${loss.shape}]`, describe(seed));
  const node = loss.node;
  const seedNode = seed ? seed.node : like(node, 1);
  const together: Together = { members: [new WeakRef(loss)] };
  for (const { tensor, at } of targets(node, retained)) {
    const fresh = gradient(node, at, seedNode);
    const before = tensor.grad;
    tensor.grad = tensor.plain(before ? add(before.node, fresh) : fresh);
    (tensor.rawGrad as Tensor).together = together;
    together.members.push(tensor.rawGrad as Tensor);
  }
  if (!loss.together) loss.together = together;
}

function* targets(loss: Node, retained: Set<WeakRef<Tensor>>): Generator<{ tensor: Tensor; at: Node }> {
  const order = topological([loss], (n) => n.op === "detach");
  const seen = new Set(order);
  for (const node of order) {
    if (node.op !== "leaf") continue;
    const tensor = owners.get(leafValue(node))?.deref();
    if (tensor?.requiresGrad) yield { tensor, at: node };
  }
  for (const reference of retained) {
    const tensor = reference.deref();
    if (!tensor) retained.delete(reference);
    else if (tensor.rawNode.op !== "leaf" && seen.has(tensor.rawNode)) yield { tensor, at: tensor.rawNode };
  }
}
