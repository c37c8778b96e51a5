// Every pass on and off, in another order, and under other capabilities gives the same numbers; a fused op is what its definition says, and
// so is its gradient.

import { describe, expect, it } from "vitest";
import { sizeOf } from "../../src/base/shape.js";
import { type CompileOptions, compileRequest, PASSES, type Pass } from "../../src/compiler/compile.js";
import type { Executor, Memory } from "../../src/executors/executor.js";
import { nativeExecutor } from "../../src/executors/native.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import { define as defineNode } from "../../src/graph/definitions.js";
import type { Node } from "../../src/graph/node.js";
import { OPS } from "../../src/graph/ops.js";
import { rewrite } from "../../src/graph/rewrite.js";
import type { Program } from "../../src/program/program.js";
import { conv2d } from "../../src/tensor/convolution.js";
import { grad } from "../../src/tensor/grad.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { leafValue } from "../../src/tensor/value.js";
import { inputsOf, resultsOf } from "../ops/case.js";
import { CASES } from "../ops/cases.js";
import { lossOf } from "../ops/conformance.js";
import { allClose, type Tolerance } from "../support/compare.js";
import { functional } from "../support/inputs.js";
import { randomGraph } from "../support/random-graph.js";
import { on } from "../support/run.js";

const executors: readonly Executor[] = [new ReferenceExecutor(), nativeExecutor()].filter((e) => e !== null);
const named = (name: string): Pass => PASSES.find((p) => p.name === name) as Pass;
const [simplify, differentiate, define] = ["simplify", "differentiate", "define"].map(named);
/** As define, but what only matters to gradients stays. */
const spell: Pass = {
  name: "spell",
  run: (roots) => rewrite(roots, (node) => (OPS[node.op].family === "meta" ? node : defineNode(node))),
};

type Variant = Pick<CompileOptions, "passes"> & { readonly without?: Partial<CompileOptions["capabilities"]> };

const VARIANTS: Record<string, Variant> = {
  "without simplify": { passes: [differentiate, define] },
  "with simplify after differentiate only": { passes: [differentiate, simplify, define] },
  "with fused ops spelled out before differentiate": { passes: [spell, differentiate, define, simplify] },
  "with simplify again and again": {
    passes: [simplify, simplify, differentiate, simplify, define, simplify, simplify],
  },
  "without rowwise steps": { without: { longestRow: 0 } },
  "with short rows only": { without: { longestRow: 4 } },
  "without matmul epilogues": { without: { matmulEpilogue: false } },
  "without matmul grids": { without: { matmulGrid: false } },
  "without sums of sides": { without: { matmulSums: false } },
  "with nothing at all": {
    passes: [differentiate, define],
    without: { longestRow: 0, matmulEpilogue: false, matmulGrid: false, matmulSums: false },
  },
};

function runNodes(
  nodes: readonly Node[],
  executor: Executor,
  variant: Variant = {},
): { program: Program; numbers: ArrayLike<number>[] } {
  const capabilities = { ...executor.capabilities, ...variant.without };
  const { program, leaves } = compileRequest(
    { outputs: nodes, writes: [] },
    { capabilities, ...(variant.passes ? { passes: variant.passes } : {}) },
  );
  const results: Memory[] = nodes.map((n) => executor.allocate(n.dtype, sizeOf(n.shape)));
  executor.prepare(program).run([...leaves.map((leaf) => leafValue(leaf).memoryFor(executor)), ...results]);
  return { program, numbers: results.map((m) => m.data) };
}

/** Outputs of a random graph, and the gradients of a functional of them. */
function requestOf(seed: number): { nodes: Node[]; text: readonly string[] } {
  const { leaves } = randomGraph(seed, { steps: 0 });
  let outputs: readonly Tensor[] = [];
  let text: readonly string[] = [];
  const loss = (...x: Tensor[]) => {
    ({ outputs, text } = randomGraph(seed, { steps: 8 + (seed % 12), leaves: x, continuous: true, onlyF32: true }));
    return outputs.map((t, i) => t.mul(functional(t.shape, seed + i)).sum()).reduce((a, b) => a.add(b));
  };
  const gradients = grad(
    loss,
    leaves.map((_, i) => i),
  )(...leaves);
  return { nodes: [...outputs, ...gradients].map((t) => t.rawNode), text };
}

const TOLERANCE: Tolerance = { rtol: 5e-4, atol: 5e-5 };

describe("random programs with gradients are the same", () => {
  for (const executor of executors) {
    for (const [name, variant] of Object.entries(VARIANTS)) {
      it(`${name} (${executor.name})`, () => {
        on(executor, () => {
          for (let seed = 200; seed < 206; seed++) {
            const { nodes, text } = requestOf(seed);
            const expected = runNodes(nodes, executor).numbers;
            const actual = runNodes(nodes, executor, variant).numbers;
            const label = (i: number) => `seed ${seed}, output ${i} [${nodes[i].shape}]\n${text.join("\n")}\n`;
            actual.forEach((a, i) => allClose(label(i), a, expected[i], TOLERANCE));
          }
        });
      });
    }
  }
});

const FUSED = [
  "softmax",
  "logSoftmax",
  "logsumexp",
  "layerNorm",
  "rmsNorm",
  "gelu",
  "geluTanh",
  "silu",
  "crossEntropy",
  "attentionSpelled",
  "conv1d",
  "conv2d",
  "maxPool1d",
  "avgPool2d",
];

describe("fused ops and their gradients are what their definitions say", () => {
  const executor = executors[0];
  for (const op of FUSED) {
    it(op, () => {
      const cases = CASES.filter(
        (c) =>
          c.op === op && c.gradient && c.inputs.every((i) => /^(f32|i32)/.test(i) && !/\b0\b|special|masked/.test(i)),
      );
      expect(cases.length).toBeGreaterThan(0);
      on(executor, () => {
        for (const c of cases) {
          const inputs = inputsOf(c);
          const floats = inputs.flatMap((t, i) => (t.dtype === "f32" ? [i] : []));
          const gradients = grad((...x: Tensor[]) => lossOf(c, x), floats)(...inputs);
          const nodes = [...resultsOf(c, inputs), ...gradients].map((t) => t.rawNode);
          const whole = runNodes(nodes, executor).numbers;
          const spelled = runNodes(
            nodes,
            executor,
            VARIANTS["with fused ops spelled out before differentiate"],
          ).numbers;
          whole.forEach((a, i) =>
            allClose(`${c.inputs.join(" ")}, output ${i}`, a, spelled[i], { rtol: 1e-4, atol: 1e-5 }),
          );
        }
      });
    });
  }
});

describe("capabilities", () => {
  it("change the program, not only the numbers' way", () => {
    on(executors[0], () => {
      const x = functional([16, 8], 1);
      const nodes = [x.matmul(x.transpose(0, 1)).relu().softmax(-1).rawNode];
      const kinds = (variant: Variant) => runNodes(nodes, executors[0], variant).program.steps.map((s) => s.kind);
      expect(kinds({})).toEqual(["matmul", "elementwise"]);
      expect(kinds({ without: { longestRow: 0 } }).filter((k) => k === "reduce").length).toBe(2);
      const finishes = (variant: Variant) =>
        runNodes([x.matmul(x.transpose(0, 1)).relu().rawNode], executors[0], variant).program.steps.map((s) => s.kind);
      expect(finishes({})).toEqual(["matmul"]);
      expect(finishes({ without: { matmulEpilogue: false } })).toEqual(["matmul", "elementwise"]);
      const image = functional([1, 3, 6, 6], 2);
      const convolved = (variant: Variant) =>
        runNodes([conv2d(image, functional([4, 3, 3, 3], 3)).relu().rawNode], executors[0], variant).program.steps.map(
          (s) => s.kind,
        );
      expect(convolved({})).toEqual(["matmul"]);
      expect(convolved({ without: { matmulGrid: false } })).toEqual(["elementwise", "matmul"]);
    });
  });
});
