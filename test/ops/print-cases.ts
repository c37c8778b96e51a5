// Writes the table of cases as JSON, for test/golden/ops.py: node --import ./scripts/run-typescript.mjs test/ops/print-cases.ts

import { parseInput, SPECIAL } from "../support/inputs.js";
import { idOf, seedOf } from "./case.js";
import { CASES } from "./cases.js";

const text = (x: number) => (Number.isFinite(x) && !Object.is(x, -0) ? x : Object.is(x, -0) ? "-0.0" : String(x));
const cases = CASES.map((c) => ({
  id: idOf(c),
  torch: c.torch,
  gradient: c.gradient,
  inputs: c.inputs.map((input, i) => ({ ...parseInput(input), seed: seedOf(c, i) })),
}));
console.log(JSON.stringify({ special: SPECIAL.map(text), cases }));
