// How recurrent nodes become steps: operands as they lie, results where somebody asks for them.

import { CELLS } from "../base/cell.js";
import type { Node } from "../graph/node.js";
import {
  HIDDEN_GRADIENT,
  KEPT,
  MEMORIES,
  MEMORY_GRADIENT,
  PROJECTED_GRADIENT,
  recurrentGradientInputs,
  recurrentInputs,
  STATES,
  SUMS_GRADIENT,
} from "../graph/recurrent.js";
import type { KernelContext } from "./kernel-context.js";

/** The products by W: all but the first step's where there is no initial state. */
function products([T, B, H]: readonly number[], gates: number, initial: boolean): number {
  return 2 * (initial ? T : T - 1) * B * gates * H * H;
}

const GATE_FLOPS = 12;

export function lowerRecurrent(node: Node<"recurrent">, context: KernelContext): void {
  const { cell, reverse, initial } = node.params;
  const inputs = recurrentInputs(node);
  const [T, B, H] = node.shape;
  const { gates } = CELLS[cell];
  const operand = (n: Node | null) => n && context.operand(n);
  context.emit({
    kind: "recurrent",
    label: "recurrent",
    flops: products(node.shape, gates, initial) + GATE_FLOPS * T * B * gates * H,
    shape: node.shape,
    cell,
    reverse,
    projected: context.operand(inputs.projected),
    weight: context.operand(inputs.weight),
    bias: operand(inputs.bias),
    hidden: operand(inputs.hidden),
    memory: operand(inputs.memory),
    lengths: operand(inputs.lengths),
    states: context.part(node, STATES),
    memories: context.part(node, MEMORIES),
    kept: context.part(node, KEPT),
  });
}

export function lowerRecurrentGradient(node: Node<"recurrentGradient">, context: KernelContext): void {
  const { cell, reverse } = node.params;
  const inputs = recurrentGradientInputs(node);
  const [T, B, width] = node.shape;
  const { gates } = CELLS[cell];
  const H = width / gates;
  const operand = (n: Node | null) => n && context.operand(n);
  const hiddenGradient = context.part(node, HIDDEN_GRADIENT);
  context.emit({
    kind: "recurrentGradient",
    label: "recurrentGradient",
    flops: products([T, B, H], gates, hiddenGradient !== null) + GATE_FLOPS * T * B * width,
    shape: [T, B, H],
    cell,
    reverse,
    weight: context.operand(inputs.weight),
    hidden: operand(inputs.hidden),
    memory: operand(inputs.memory),
    lengths: operand(inputs.lengths),
    states: context.operand(inputs.states),
    memories: operand(inputs.memories),
    kept: operand(inputs.kept),
    statesGradient: operand(inputs.dstates),
    memoriesGradient: operand(inputs.dmemories),
    projectedGradient: context.part(node, PROJECTED_GRADIENT),
    sumsGradient: context.part(node, SUMS_GRADIENT),
    hiddenGradient,
    memoryGradient: context.part(node, MEMORY_GRADIENT),
  });
}
