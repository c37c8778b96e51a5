// A graph as text, one line a node: %3 = matmul(%1, %2)  f32[2,8,16,64]. The debugger, the snapshot of tests, and the docs.

import { describe } from "../base/shape.js";
import { type Node, topological } from "./node.js";

export function printGraph(roots: readonly Node[], stop?: (node: Node) => boolean): string {
  const names = new Map<Node, string>();
  const lines: string[] = [];
  for (const node of topological(roots, stop)) {
    const name = `%${names.size}`;
    names.set(node, name);
    const inputs = stop?.(node) ? [] : node.inputs.map((i) => names.get(i) ?? "?");
    const params = Object.entries(node.params).map(([k, v]) => `${k}=${Array.isArray(v) ? `[${v}]` : v}`);
    lines.push(`${name} = ${node.op}(${[...inputs, ...params].join(", ")})  ${describe(node)}`);
  }
  lines.push(`return ${roots.map((r) => names.get(r)).join(", ")}`);
  return lines.join("\n");
}
