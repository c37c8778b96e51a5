// The cases that finite differences are taken of: f32 inputs away from kinks and infinities, not large, a few for each op.

import { sizeOf } from "../../src/base/shape.js";
import { parseInput } from "../support/inputs.js";
import { type Case, differentiable, idOf } from "./case.js";
import { byOp, CASES } from "./cases.js";
import { goldenOf } from "./golden.js";

const MOST = 4;
const LARGEST = 250;

export function smoothCases(): Map<string, Case[]> {
  const groups = byOp(CASES.filter(isSmooth));
  for (const [op, list] of groups) groups.set(op, distinctTexts(list).slice(0, MOST));
  return groups;
}

function isSmooth(c: Case): boolean {
  const specs = c.inputs.map(parseInput);
  const elements = specs.reduce((n, s) => n + sizeOf(s.shape), 0);
  const floats = specs.filter((s) => s.dtype !== "i32" && s.dtype !== "bool");
  const plain = floats.every((s) => s.dtype === "f32" && ["plain", "positive", "unit", "distinct"].includes(s.kind));
  return (
    c.smooth &&
    differentiable(c).length > 0 &&
    plain &&
    elements > 1 &&
    elements <= LARGEST &&
    goldenOf(idOf(c)).gradients !== undefined
  );
}

/** One of each expression first, so that all ways to call an op have their turn. */
function distinctTexts(list: readonly Case[]): Case[] {
  const first = list.filter((c, i) => list.findIndex((other) => other.torch === c.torch) === i);
  return [...first, ...list.filter((c) => !first.includes(c))];
}
