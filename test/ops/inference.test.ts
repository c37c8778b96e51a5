// The shape rules of the op table and the builders say the same about every node that the cases build, gradients included.

import { expect, it } from "vitest";
import type { DType } from "../../src/base/dtype.js";
import type { Shape } from "../../src/base/shape.js";
import { differentiate } from "../../src/compiler/differentiate.js";
import { define } from "../../src/graph/definitions.js";
import { type Node, topological } from "../../src/graph/node.js";
import { OPS } from "../../src/graph/ops.js";
import { rewrite } from "../../src/graph/rewrite.js";
import { differentiable, inputsOf, resultsOf } from "./case.js";
import { byOp } from "./cases.js";
import { gradientsOf } from "./conformance.js";

for (const [op, list] of byOp()) {
  it(`${op}: what is built is what the op table infers`, () => {
    for (const c of list) {
      const argnums = differentiable(c);
      const inputs = inputsOf(c);
      for (const i of argnums) inputs[i].requiresGrad = true;
      const results = resultsOf(c, inputs);
      const tensors = results.some((r) => r.requiresGrad) ? [...results, ...gradientsOf(c, argnums)] : results;
      const built = tensors.map((t) => t.rawNode);
      const plain = rewrite(differentiate(built), define);
      for (const node of topological([...built, ...plain])) {
        const inferred = inference(node);
        if (inferred) expect(inferred, node.op).toEqual({ shape: [...node.shape], dtype: node.dtype });
      }
    }
  });
}

/** What the op table says of a node with these inputs; undefined where its shape is among its parameters. */
function inference(node: Node): { shape: Shape; dtype: DType } | undefined {
  const infer = OPS[node.op].infer as
    | ((inputs: readonly Node[], params: object) => { shape: Shape; dtype: DType })
    | undefined;
  const inferred = infer?.(node.inputs, node.params);
  return inferred && { ...inferred, shape: [...inferred.shape] };
}
