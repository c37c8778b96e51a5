// Every op of the table has a gradient row, a golden case, and a finite-difference case or a reason for having none.

import { describe, expect, it } from "vitest";
import { isFloat } from "../../src/base/dtype.js";
import { GRADIENTS } from "../../src/compiler/gradients.js";
import { topological } from "../../src/graph/node.js";
import { OPS, type OpName } from "../../src/graph/ops.js";
import { Tensor } from "../../src/tensor/tensor.js";
import { type Case, inputsOf, resultsOf } from "./case.js";
import { CASES } from "./cases.js";
import { smoothCases } from "./smooth.js";

const INTERNAL = "is made by the compiler alone; test/attention compares whole attentions with their unfused form";
const OF_LAYERS = "is a whole layer; test/ops/recurrent.test.ts and test/nn/recurrent.test.ts do all of this for it";
const OF_ACTIVATIONS = "is what an activation or its gradient becomes; the cases of relu and gelu do this for it";
const MADE_BY_PASSES: Partial<Record<OpName, string>> = {
  attentionLogsumexp: INTERNAL,
  attentionPattern: INTERNAL,
  attentionScoreGradient: INTERNAL,
  flashAttention: INTERNAL,
  flashAttentionGradient: INTERNAL,
  part: INTERNAL,
  reluGradient: OF_ACTIVATIONS,
  geluGate: OF_ACTIVATIONS,
  geluTanhGate: OF_ACTIVATIONS,
  geluSlope: OF_ACTIVATIONS,
  geluTanhSlope: OF_ACTIVATIONS,
  recurrent: OF_LAYERS,
  recurrentGradient: OF_LAYERS,
};

/** Ops that no golden can be made for. */
const WITHOUT_GOLDEN: Partial<Record<OpName, string>> = {
  random: "draws from Heed's own generator, which test/base checks; no such numbers in torch",
  gradient: "is what gradients are asked with; gone before anything is computed",
  alias: "is the identity, gone before anything is computed",
  ...MADE_BY_PASSES,
};

/** Ops whose gradient is nothing or zero, so that finite differences would show nothing. */
const WITHOUT_CALCULUS: Partial<Record<OpName, string>> = {
  leaf: "is where gradients arrive",
  constant: "does not depend on anything",
  iota: "does not depend on anything",
  random: "does not depend on anything that has a gradient",
  gradient: "is taken apart by the pass differentiate, which the second derivatives test",
  alias: "is what every finite-difference case differentiates by",
  detach: "has gradient 0 whatever its input does, by definition",
  argsort: "gives whole numbers",
  sign: "is piecewise constant",
  floor: "is piecewise constant",
  ceil: "is piecewise constant",
  round: "is piecewise constant",
  trunc: "is piecewise constant",
  floorDivide: "is piecewise constant",
  isnan: "gives truth values",
  not: "gives truth values",
  eq: "gives truth values",
  ne: "gives truth values",
  lt: "gives truth values",
  le: "gives truth values",
  gt: "gives truth values",
  ge: "gives truth values",
  and: "gives truth values",
  or: "gives truth values",
  xor: "gives truth values",
  ...MADE_BY_PASSES,
};

function opsOf(list: Iterable<Case>): Set<OpName> {
  const asked = (c: Case) => inputsOf(c).map((t) => (isFloat(t.dtype) ? new Tensor(t.rawNode, true) : t));
  const roots = [...list].flatMap((c) => resultsOf(c, asked(c)).map((t) => t.rawNode));
  return new Set(topological(roots).map((n) => n.op));
}

describe("every op", () => {
  const all = Object.keys(OPS) as OpName[];

  it("has a gradient row", () => {
    expect(Object.keys(GRADIENTS).sort()).toEqual([...all].sort());
  });

  it("has a golden case, or a reason for having none", () => {
    const covered = opsOf(CASES);
    expect(all.filter((op) => !covered.has(op) && !WITHOUT_GOLDEN[op])).toEqual([]);
    expect(Object.keys(WITHOUT_GOLDEN).filter((op) => covered.has(op as OpName))).toEqual([]);
  });

  it("has a finite-difference case, or a reason for having none", () => {
    const covered = opsOf([...smoothCases().values()].flat());
    expect(all.filter((op) => !covered.has(op) && !WITHOUT_CALCULUS[op])).toEqual([]);
  });
});
