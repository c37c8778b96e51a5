// What a benchmark prints: an aligned table for people, or with --json one line for machines.

import type { Result } from "./compare.js";
import { describeMachine, json } from "./machine.js";
import { HOW_TO_GET_A_PEER, type Peer } from "./peer.js";
import type { Sample } from "./statistics.js";

/** Either how many times as good as the peer Heed should be at least, or what Heed's own value should stay below. */
export type Target = { readonly ratio: number } | { readonly below: number };

export interface Row {
  readonly work: string;
  readonly unit: "seconds" | "bytes";
  readonly heed: Sample;
  readonly peer?: { readonly name: string; readonly value: Sample; readonly ratio: Sample };
  readonly target?: Target;
  /** The work in a call, where a rate says more than a time: so many GFLOP, GB or tokens. */
  readonly rate?: { readonly amount: number; readonly unit: "GFLOP/s" | "GB/s" | "tokens/s" };
}

/** What a row says of a contest: Heed's time, and that of the peer of this name where there was one. */
export function versus({ heed, peers }: Result, name: string): Pick<Row, "heed" | "peer"> {
  const other = peers[name];
  return { heed, peer: other && { name, value: other.seconds, ratio: other.ratio } };
}

export class Report {
  readonly #benchmark: string;
  readonly #peer: Peer | null | undefined;
  readonly #rows: Row[] = [];
  readonly #notes: string[] = [];
  readonly #machine;

  /** @param peer null where there should be one, undefined where there is nothing to compare with */
  constructor(benchmark: string, peer?: Peer | null) {
    this.#benchmark = benchmark;
    this.#peer = peer;
    this.#machine = describeMachine(peer?.versions);
  }

  add(row: Row): void {
    this.#rows.push(row);
    progress(`${this.#benchmark}: ${row.work}`);
  }

  /** A sentence for below the table. */
  note(text: string): void {
    this.#notes.push(text);
  }

  print(): void {
    progress("");
    const rows = this.#rows.map((row) => ({ ...row, ok: isMet(row) }));
    const notes = this.#peer === null ? [...this.#notes, HOW_TO_GET_A_PEER] : this.#notes;
    if (json) {
      console.log(JSON.stringify({ benchmark: this.#benchmark, machine: this.#machine, rows, notes }));
      return;
    }
    const { processor, kernels, threads, load, node, torch } = this.#machine;
    const other = torch ? `, PyTorch ${torch}` : "";
    console.log(`${processor}, ${kernels}, ${threads} threads, load ${load}; Node ${node}${other}`);
    console.log(table(rows));
    for (const note of notes) console.log(note);
  }
}

/** Undefined where nothing can be said: no target, or no peer to measure it by. */
function isMet({ target, heed, peer }: Row): boolean | undefined {
  if (!target) return undefined;
  if ("below" in target) return heed.median < target.below;
  return peer && peer.ratio.median >= target.ratio;
}

function table(rows: readonly (Row & { ok?: boolean })[]): string {
  const compared = rows.some((row) => row.peer);
  const header = ["work", "Heed", ...(compared ? ["PyTorch", "", "ratio", "min-max"] : []), "target", "ok"];
  const cells = rows.map((row, i) => [
    ...(row.work === rows[i - 1]?.work ? ["", ""] : [row.work, quantity(row, row.heed.median)]),
    ...(compared ? comparison(row) : []),
    target(row),
    row.ok === undefined ? "" : row.ok ? "yes" : "NO",
  ]);
  const lines = [header, ...cells];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const left = new Set([0, compared ? 3 : -1]); // words to the left, figures to the right
  return lines
    .map((line) => line.map((cell, i) => (left.has(i) ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  "))
    .map((line) => line.trimEnd())
    .join("\n");
}

function comparison(row: Row): string[] {
  if (!row.peer) return ["", "", "", ""];
  const { name, value, ratio } = row.peer;
  const range = `${ratio.min.toFixed(2)}-${ratio.max.toFixed(2)}`;
  return [quantity(row, value.median), name, ratio.median.toFixed(2), range];
}

function target(row: Row): string {
  if (!row.target) return "";
  if ("below" in row.target) return `< ${quantity({ unit: row.unit }, row.target.below)}`;
  return `>= ${row.target.ratio}`;
}

function quantity({ unit, rate }: Pick<Row, "unit" | "rate">, value: number): string {
  if (unit === "bytes") return `${(value / 2 ** 20).toFixed(1)} MiB`;
  if (rate) return `${(rate.amount / value).toFixed(1)} ${rate.unit}`;
  if (value < 1e-3) return `${(value * 1e6).toFixed(value < 1e-5 ? 2 : 1)} µs`;
  return `${(value * 1e3).toFixed(value < 0.1 ? 2 : 0)} ms`;
}

/** What has just been measured, on a terminal only, overwritten by the next. */
function progress(words: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${words}`);
}
