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
const owners = new WeakMap<object, Tensor>();
/** Intermediate results that want their gradient kept, by their nodes. */
const retained = new WeakMap<Node, Set<Tensor>>();

/** @internal Called for each parameter: backward finds it by the value its leaf holds. */
export function own(tensor: Tensor): void {
  owners.set(leafValue(tensor.rawNode), tensor);
}

/** @internal From now on backward sets the `grad` of this intermediate result too. */
export function retain(tensor: Tensor): void {
  const already = retained.get(tensor.rawNode);
  if (already) already.add(tensor);
  else retained.set(tensor.rawNode, new Set([tensor]));
}

export function backward(loss: Tensor, seed: Tensor | undefined): void {
  if (!loss.requiresGrad)
    fail(
      "backward",
      "a tensor that depends on a parameter",
      `${describe(loss)}, which requires no gradient`,
      fromCompiled(loss.node)
        ? "what a compiled function returns carries none: call backward() inside the function"
        : "call .requiresGrad_() on the leaves before computing with them, outside noGrad",
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
  const together: Together = { members: [loss] };
  for (const { tensor, at } of targets(node)) {
    const fresh = gradient(node, at, seedNode);
    const before = tensor.grad;
    tensor.grad = tensor.plain(before ? add(before.node, fresh) : fresh);
    (tensor.rawGrad as Tensor).together = together;
    together.members.push(tensor.rawGrad as Tensor);
  }
  if (!loss.together) loss.together = together;
}

function fromCompiled(node: Node): boolean {
  return topological([node]).some((n) => n.op === "leaf" && leafValue(n).replayed);
}

/** @internal The tensor that a leaf's numbers belong to, if it was ever asked for gradients. */
export function ownerOf(leaf: Node): Tensor | undefined {
  return owners.get(leafValue(leaf));
}

/** @internal True where a leaf that asks for gradients is behind this node. */
export function reachesParameter(node: Node): boolean {
  return topological([node], (n) => n.op === "detach").some((n) => n.op === "leaf" && ownerOf(n)?.requiresGrad);
}

function* targets(loss: Node): Generator<{ tensor: Tensor; at: Node }> {
  for (const node of topological([loss], (n) => n.op === "detach")) {
    if (node.op !== "leaf") {
      for (const tensor of retained.get(node) ?? []) yield { tensor, at: node };
    } else {
      const tensor = ownerOf(node);
      if (tensor?.requiresGrad) yield { tensor, at: node };
    }
  }
}
