// Which group needs which, against a plain search over the groups as they are.

import { expect, test } from "vitest";
import { NeedsOf } from "../../src/compiler/needs.js";
import { add, constant, scalar } from "../../src/graph/build.js";
import { makeLeaf, type Node } from "../../src/graph/node.js";

/** A plain generator of numbers, so that a failure can be told by its seed. */
function generator(seed: number): (below: number) => number {
  let state = seed * 2654435761 + 12345;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return Math.floor((state / 0x80000000) * below);
  };
}

interface Group {
  bit: number;
  nodes: Node[];
}

test.each(Array.from({ length: 30 }, (_, seed) => [seed]))("groups that merge at random, seed %i", (seed) => {
  const random = generator(seed);
  const needs = new NeedsOf();
  const nodes: Node[] = [makeLeaf({}, [2], "f32"), constant(seed, [2])];
  const groupOf = new Map<Node, Group>();
  for (const node of nodes) needs.addNode(node);

  /** Whether `node` needs the group, a step at a time. */
  const reaches = (node: Node, group: Group): boolean => {
    const seen = new Set<Node>();
    const stack = [node];
    for (let n = stack.pop(); n; n = stack.pop()) {
      if (seen.has(n)) continue;
      seen.add(n);
      const own = groupOf.get(n);
      if (own === group) return true;
      for (const member of own ? own.nodes : [n]) stack.push(...member.inputs);
    }
    return false;
  };

  for (let i = 0; i < 90; i++) {
    const recent = nodes[nodes.length - 1 - random(Math.min(5, nodes.length))];
    const node = random(3) === 0 ? scalar("neg", recent) : add(nodes[random(nodes.length)], recent);
    if (nodes.includes(node)) continue;
    nodes.push(node);
    if (random(3) === 0) {
      needs.addNode(node);
      continue;
    }
    groupOf.set(node, { bit: needs.addGroup(node), nodes: [node] });
    for (const input of node.inputs) {
      const own = groupOf.get(node) as Group;
      const other = groupOf.get(input);
      if (!other || other === own || random(4) === 0) continue;
      const between = (from: Group, to: Group) =>
        from.nodes
          .flatMap(({ inputs }) => inputs)
          .some((x) => groupOf.get(x) !== from && groupOf.get(x) !== to && reaches(x, to));
      if (between(own, other) || between(other, own)) continue;
      needs.merge(other.bit, own.bit, own.nodes.length === 1 ? node : null);
      for (const member of own.nodes) {
        other.nodes.push(member);
        groupOf.set(member, other);
      }
    }
  }
  const groups = new Set(groupOf.values());
  expect(groups.size).toBeGreaterThan(5);
  expect([...groups].some((group) => group.nodes.length > 3)).toBe(true);
  const wrong = nodes.filter((node) => [...groups].some((g) => needs.has(node, g.bit) !== reaches(node, g)));
  expect(wrong).toEqual([]);
});
