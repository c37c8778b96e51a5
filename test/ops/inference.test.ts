// The shape rules of the op table and the builders say the same about every node that the cases build, gradients included.

import { expect, it } from "vitest";
import { differentiate } from "../../src/compiler/differentiate.js";
import { define } from "../../src/graph/definitions.js";
import { topological } from "../../src/graph/node.js";
import { checkInference } from "../../src/graph/ops.js";
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
      for (const node of topological([...built, ...plain])) expect(() => checkInference(node)).not.toThrow();
    }
  });
}
