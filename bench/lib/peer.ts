// The other side of a comparison: one Python process, started once, that does the same work in PyTorch when asked and says how long it
// took. A request is a line of JSON, {"case", "arguments", "repeat", "warmup"}; the answer, also one line, has the mean `seconds` of
// the repeats and what the case says `about` itself. What a case is made of stays between requests (peers/peer.py).

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import { threads } from "./machine.js";

export type Arguments = { readonly [name: string]: string | number | boolean | readonly number[] };

/** Work that the peer does: the name of a case in its script, and the arguments that make it. */
export interface Case {
  readonly name: string;
  readonly arguments: Arguments;
}

interface Answer {
  readonly seconds: number;
  readonly about: unknown;
  readonly error?: string;
}

export const HOW_TO_GET_A_PEER =
  "Only Heed is measured. To compare with PyTorch, set HEED_PYTHON to a Python that has it: pip install torch numpy, then HEED_PYTHON=python3 npm run bench.";

export class Peer {
  /** The versions of what runs there, for the record. */
  readonly versions: { readonly python: string; readonly torch: string };
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;
  readonly #lines: Interface;
  readonly #complaint: () => string;

  private constructor(
    child: ChildProcessWithoutNullStreams,
    lines: Interface,
    first: string,
    answers: AsyncIterator<string>,
    complaint: () => string,
  ) {
    this.#child = child;
    this.#lines = lines;
    this.#answers = answers;
    this.#complaint = complaint;
    this.versions = JSON.parse(first) as Peer["versions"];
  }

  /** Starts a script of bench/peers with as many threads as Heed has; null where HEED_PYTHON names no Python. */
  static async start(script: string): Promise<Peer | null> {
    const python = process.env.HEED_PYTHON;
    if (!python) return null;
    const path = fileURLToPath(new URL(`../peers/${script}`, import.meta.url));
    const child = spawn(python, [path, `${threads}`], { stdio: "pipe" });
    let complaints = "";
    child.stderr.on("data", (text) => (complaints = (complaints + text).slice(-2000)));
    child.on("error", (error) => (complaints += error.message));
    child.stdin.on("error", () => {}); // a peer that died is noticed by its missing answer
    const lines = createInterface({ input: child.stdout });
    const answers = lines[Symbol.asyncIterator]();
    const complaint = () => `the PyTorch side ended: ${complaints.trim() || "without a word"} (HEED_PYTHON=${python})`;
    const first = await answers.next();
    if (first.done) throw new Error(complaint());
    return new Peer(child, lines, first.value, answers, complaint);
  }

  /** Seconds of one call, the mean over `repeat` calls after `warmup` untimed ones. @throws Error with what Python said */
  async time(work: Case, repeat: number, warmup: number): Promise<number> {
    return (await this.#ask(work, repeat, warmup)).seconds;
  }

  /** What a case says about itself once it is made. @throws Error with what Python said, when it cannot be made */
  async about<T>(work: Case): Promise<T> {
    return (await this.#ask(work, 0, 0)).about as T;
  }

  async #ask(work: Case, repeat: number, warmup: number): Promise<Answer> {
    this.#child.stdin.write(`${JSON.stringify({ case: work.name, arguments: work.arguments, repeat, warmup })}\n`);
    const line = await this.#answers.next();
    if (line.done) throw new Error(this.#complaint());
    const answer = JSON.parse(line.value) as Answer;
    if (answer.error) throw new Error(answer.error);
    return answer;
  }

  close(): void {
    this.#lines.close();
    this.#child.stdin.end();
  }
}
