// The pass that spells out recurrent layers, before gradients are taken: all where the executor has no kernel for them or a gradient of a
// gradient is asked for, otherwise those of a single step, for which weights need not be put in order first.

import { type Node, topological } from "../graph/node.js";
import { rewrite } from "../graph/rewrite.js";
import { unrolled } from "../graph/unrolled.js";
import type { Capabilities } from "../program/program.js";

export function unrollRecurrent(roots: readonly Node[], { kinds }: Capabilities): readonly Node[] {
  const order = topological(roots);
  if (!order.some((n) => n.op === "recurrent")) return roots;
  const fused = kinds.has("recurrent") && kinds.has("recurrentGradient");
  const nested = order.some((n) => n.op === "gradient" && n.inputs.some((i) => i.hasGradient));
  const spelled = new Map<Node, Map<number, Node>>();
  const partsOf = (layer: Node<"recurrent">) => {
    const parts = spelled.get(layer) ?? unrolled(layer);
    spelled.set(layer, parts);
    return parts;
  };
  return rewrite(roots, (node) => {
    const [layer] = node.inputs;
    if (node.op !== "part" || layer.op !== "recurrent") return node;
    if (fused && !nested && layer.shape[0] > 1) return node;
    return partsOf(layer as Node<"recurrent">).get((node as Node<"part">).params.index) ?? node;
  });
}
