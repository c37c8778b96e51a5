// How examples show what they found: numbers, tables in the terminal, drawings in runs/.

import { mkdirSync, writeFileSync } from "node:fs";
import { compile, noGrad, type Tensor } from "heed";

export const thousands = (count: number): string => count.toLocaleString("en-US");
export const percent = (share: number, digits = 1): string => `${(100 * share).toFixed(digits)} %`;

/** Columns two spaces apart, as wide as what they hold; `align` says of each whether it stands left or right, as in "lrr". */
export function table(align: string, rows: readonly (readonly string[])[]): string {
  const widths = Array.from(align, (_, column) => Math.max(...rows.map((row) => row[column].length)));
  const cell = (text: string, column: number) =>
    align[column] === "l" ? text.padEnd(widths[column]) : text.padStart(widths[column]);
  return rows.map((row) => row.map(cell).join("  ").trimEnd()).join("\n");
}

/** Writes an SVG into runs/ and says so. */
export function draw(name: string, svg: string): void {
  mkdirSync("runs", { recursive: true });
  writeFileSync(`runs/${name}.svg`, svg);
  console.log(`Drawn in runs/${name}.svg`);
}

/** How long a compiled call takes: the least of three, behind one that compiles. */
export function milliseconds(layer: { forward(x: Tensor): Tensor }, x: Tensor): number {
  const forward = compile((x: Tensor) => noGrad(() => layer.forward(x)));
  const call = () => void forward(x).dataSync();
  call();
  const times = [1, 2, 3].map(() => {
    const begin = performance.now();
    call();
    return performance.now() - begin;
  });
  return Math.min(...times);
}
