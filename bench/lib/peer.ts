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
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: Interface;
  readonly #answers: AsyncIterator<string>;
  readonly #ended: Promise<void>;
  /** The last of what Python wrote to standard error: a traceback, or why it did not start. */
  #words = "";
  #versions = { python: "", torch: "" };

  private constructor(python: string, script: string) {
    const path = fileURLToPath(new URL(`../peers/${script}`, import.meta.url));
    this.#child = spawn(python, ["-B", path, `${threads}`], { stdio: "pipe" });
    this.#child.stderr.on("data", (text) => (this.#words = (this.#words + text).slice(-2000)));
    this.#child.stdin.on("error", () => {}); // one that died is noticed by its missing answer
    this.#ended = new Promise((resolve) => {
      this.#child.on("close", () => resolve());
      this.#child.on("error", (error) => (this.#words += error.message));
    });
    this.#lines = createInterface({ input: this.#child.stdout });
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  /** Starts a script of bench/peers with as many threads as Heed has; null where HEED_PYTHON names no Python. */
  static async start(script: string): Promise<Peer | null> {
    const python = process.env.HEED_PYTHON;
    if (!python) return null;
    const peer = new Peer(python, script);
    peer.#versions = JSON.parse(await peer.#line());
    return peer;
  }

  /** The versions of what runs there, for the record. */
  get versions(): { readonly python: string; readonly torch: string } {
    return this.#versions;
  }

  /** Seconds of one call, the mean over `repeat` calls after `warmup` untimed ones. @throws Error with what Python said */
  async time(work: Case, repeat: number, warmup: number): Promise<number> {
    return (await this.#ask(work, repeat, warmup)).seconds;
  }

  /** What a case says about itself once it is made. @throws Error with what Python said, when it cannot be made */
  async about<T>(work: Case): Promise<T> {
    return (await this.#ask(work, 0, 0)).about as T;
  }

  close(): void {
    this.#lines.close();
    this.#child.stdin.end();
  }

  async #ask(work: Case, repeat: number, warmup: number): Promise<Answer> {
    this.#child.stdin.write(`${JSON.stringify({ case: work.name, arguments: work.arguments, repeat, warmup })}\n`);
    const answer = JSON.parse(await this.#line()) as Answer;
    if (answer.error) throw new Error(answer.error, { cause: this.#words });
    return answer;
  }

  async #line(): Promise<string> {
    const line = await this.#answers.next();
    if (!line.done) return line.value;
    await this.#ended;
    throw new Error(`HEED_PYTHON=${process.env.HEED_PYTHON} ended: ${this.#words.trim() || "without a word"}`);
  }
}
