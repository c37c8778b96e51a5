// Who needs whom while groups form: for each node the groups that have to run before it, as bits. Reaching one node of a group means
// needing what all of them need, for a step runs as a whole; so what a group comes to need, all that need the group come to need.

import type { Node } from "../graph/node.js";

/** The groups that something needs; its own among them. Nodes that need the same things share one. */
class Needs {
  bits: Uint32Array;

  constructor(words: number) {
    this.bits = new Uint32Array(words);
  }

  has(bit: number): boolean {
    return ((this.bits[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0;
  }

  set(bit: number): void {
    this.reserve((bit >>> 5) + 1);
    this.bits[bit >>> 5] |= 1 << (bit & 31);
  }

  clear(bit: number): void {
    if (bit >>> 5 < this.bits.length) this.bits[bit >>> 5] &= ~(1 << (bit & 31));
  }

  add(other: Needs): void {
    const { bits } = other;
    this.reserve(bits.length);
    for (let i = 0; i < bits.length; i++) this.bits[i] |= bits[i];
  }

  /** Whether `other` needs nothing more. */
  covers({ bits }: Needs): boolean {
    for (let i = 0; i < bits.length; i++) if ((bits[i] & ~(this.bits[i] ?? 0)) !== 0) return false;
    return true;
  }

  private reserve(words: number): void {
    if (words <= this.bits.length) return;
    const wider = new Uint32Array(Math.max(words, 2 * this.bits.length));
    wider.set(this.bits);
    this.bits = wider;
  }
}

/** Nodes are added in topological order; a group is named by the bit that it got. */
export class NeedsOf {
  private readonly of = new Map<Node, Needs>();
  /** In the order in which they were begun. */
  private readonly all: Needs[] = [];
  /** By their bits: what each needs, and the first of `all` that may need it. */
  private readonly groups: ({ readonly needs: Needs; since: number } | null)[] = [];
  private readonly free: number[] = [];

  /** A node that is in no group: it needs what its inputs need. */
  addNode(node: Node): void {
    let needs: Needs | undefined;
    let shared = true;
    for (const input of node.inputs) {
      const more = this.of.get(input);
      if (!more || more === needs) continue;
      if (!needs) needs = more;
      else {
        if (shared) needs = this.begin(needs);
        shared = false;
        needs.add(more);
      }
    }
    if (needs) this.of.set(node, needs);
  }

  /** A node that begins a group; returns the group's bit. */
  addGroup(node: Node): number {
    const bit = this.free.pop() ?? this.groups.length;
    const since = this.all.length;
    const needs = this.begin();
    for (const input of node.inputs) {
      const more = this.of.get(input);
      if (more) needs.add(more);
    }
    needs.set(bit);
    this.of.set(node, needs);
    this.groups[bit] = { needs, since };
    return bit;
  }

  /** Whether the node needs the group. */
  has(node: Node, group: number): boolean {
    return this.of.get(node)?.has(group) ?? false;
  }

  /** Two groups become one, under the name of the first. `lone` is the one node of the second where nothing was added since. */
  merge(into: number, from: number, lone: Node | null): void {
    const first = this.groups[into] as NonNullable<(typeof this.groups)[0]>;
    const second = this.groups[from] as NonNullable<(typeof this.groups)[0]>;
    const [kept, gone] = [first.needs, second.needs];
    gone.clear(from);
    gone.set(into);
    if (lone) {
      this.all.pop();
      this.of.set(lone, kept);
    }
    const since = Math.min(first.since, second.since);
    if (!lone || !kept.covers(gone)) {
      for (let i = since; i < this.all.length; i++) {
        const needs = this.all[i];
        if (!needs.has(into) && !needs.has(from)) continue;
        needs.add(gone);
        needs.add(kept);
        needs.clear(from);
      }
      // What was begun long ago may need more than it did.
      this.groups.forEach((group, bit) => {
        if (group && group.since > since && kept.has(bit)) group.since = since;
      });
    }
    this.groups[into] = { needs: kept, since };
    this.groups[from] = null;
    this.free.push(from);
  }

  private begin(like?: Needs): Needs {
    const needs = new Needs(like?.bits.length ?? (this.groups.length >>> 5) + 1);
    if (like) needs.add(like);
    this.all.push(needs);
    return needs;
  }
}
