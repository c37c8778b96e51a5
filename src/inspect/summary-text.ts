// A model's summary as a table for a terminal.

import { quantity } from "../base/quantity.js";
import type { Summary, SummaryRow } from "./summary.js";

const HEADS = ["layer", "class", "output", "parameters", "flops", ""];
/** Columns of numbers stand to the right. */
const RIGHT = new Set([3, 4]);

export function printSummary(summary: Summary): string {
  const rows = [HEADS, ...summary.rows.map(cells)];
  const widths = HEADS.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (RIGHT.has(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join("  ").trimEnd(); // biome-ignore format: short
  const [heads, ...lines] = rows.map(line);
  const rule = "-".repeat(Math.max(...rows.map((row) => line(row).length)));
  const { parameters, trainable, frozen, parameterBytes, flops } = summary;
  return [
    heads,
    rule,
    ...lines,
    rule,
    `parameters  ${whole(parameters)} in ${quantity(parameterBytes, "B")}: ${whole(trainable)} trainable, ${whole(frozen)} frozen`,
    `flops       ${whole(flops)} for one forward of this shape, as the fused program counts them; a multiply-add is 2`,
  ].join("\n");
}

function cells({ path, type, depth, output, calls, parameters, trainable, flops, notes }: SummaryRow): string[] {
  const frozen = parameters - trainable;
  const remarks = [
    ...(calls > 1 ? [`${calls} calls`] : []),
    ...(frozen === 0 ? [] : [trainable === 0 ? "frozen" : `${whole(frozen)} frozen`]),
    ...notes,
  ];
  return [
    `${"  ".repeat(depth)}${path === "" ? "(model)" : path}`,
    type,
    output ?? "-",
    parameters === 0 ? "-" : whole(parameters),
    flops === null ? "-" : quantity(flops, "").trim(),
    remarks.join(", "),
  ];
}

/** 1234567 as 1,234,567 */
function whole(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ",");
}
