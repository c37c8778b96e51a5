// Runs programs with the C kernels of kernels/, through the addon that node-gyp builds. Loading is synchronous and never throws for
// want of an addon: where there is none, `nativeExecutor()` is null and `nativeProblem()` says why. This file imports nothing of
// Node's and may be loaded in a browser.

import { DTYPES, type DType, type TypedArray } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { type GaussianKernel, useGaussianKernel } from "../base/gaussian.js";
import { type TwisterKernel, useTwisterKernel } from "../base/mersenne.js";
import { encode, KIND_CODES } from "../program/encode.js";
import type { Buffer, Capabilities, Program, StepKind } from "../program/program.js";
import type { Executable, Executor, Memory } from "./executor.js";
import { NativeAllocator } from "./native-memory.js";

/** What kernels/addon.c exports. `prepare` keeps the two arrays: `run` reads the addresses of the slots, and writes what failed. */
interface Addon {
  prepare(words: Int32Array, isa: number, addresses: Float64Array, status: Int32Array): object;
  /** The memory goes along only so that it stays referenced until the run is over. */
  run(handle: object, externals: readonly Memory[]): number;
  address(buffer: ArrayBuffer): number;
  setThreads(count: number): void;
  threads(): number;
  isas(): string[];
  bytes(): [arena: number, scratch: number];
  /** What base/gaussian.ts and base/mersenne.ts ask for. */
  gaussian(isa: number, ...fill: Parameters<GaussianKernel>): void;
  twister(isa: number, ...fill: Parameters<TwisterKernel>): void;
}

const MOST_THREADS = 64;

let executor: NativeExecutor | null | undefined;
let problem = "";

/**
 * The executor of this process, with `HEED_THREADS` threads and the kernels for `HEED_ISA` where these are set; null where the addon
 * is missing or does not load.
 * @throws HeedError when HEED_THREADS or HEED_ISA cannot be had
 */
export function nativeExecutor(): NativeExecutor | null {
  if (executor === undefined) {
    const addon = loadAddon();
    if (addon) {
      const loaded = new NativeExecutor(addon);
      const { HEED_ISA, HEED_THREADS } = process.env;
      if (HEED_ISA) loaded.setIsa(HEED_ISA);
      if (HEED_THREADS) loaded.setThreads(Number(HEED_THREADS), HEED_THREADS);
      executor = loaded;
      useGaussianKernel(loaded.gaussian);
      useTwisterKernel(loaded.twister);
    } else {
      executor = null;
    }
  }
  return executor;
}

/** Why `nativeExecutor()` is null; empty when it is not. */
export function nativeProblem(): string {
  return nativeExecutor() ? "" : problem;
}

function loadAddon(): Addon | null {
  // A bundler must not take the addon for an asset, so the place of this file goes through a variable.
  const here: string = import.meta.url;
  if (typeof process === "undefined" || typeof process.dlopen !== "function" || !here.startsWith("file:")) {
    problem = "native kernels need Node";
    return null;
  }
  const path = decodeURIComponent(new URL("../../build/Release/heed.node", here).pathname).replace(
    /^\/([A-Za-z]:)/,
    "$1",
  );
  try {
    // What require() does with a .node file; unlike require, it is there without an import, in every Node.
    const loaded: { exports: unknown } = { exports: {} };
    process.dlopen(loaded, path);
    return loaded.exports as Addon;
  } catch (error) {
    const absent = process.getBuiltinModule?.("node:fs").existsSync(path) === false;
    const said = error instanceof Error ? error.message : error;
    problem = absent ? `the native kernels are not built: no ${path}` : `the native kernels do not load: ${said}`;
    return null;
  }
}

/** Runs programs on the processor's cores with vector instructions; threads, arena and scratch are shared by the whole process. */
export class NativeExecutor implements Executor {
  readonly name = "native";
  readonly capabilities: Capabilities = {
    kinds: new Set(Object.keys(KIND_CODES) as StepKind[]),
    matmulEpilogue: true,
    matmulGrid: true,
    matmulSums: true,
    longestRow: 65536,
  };
  readonly #addon: Addon;
  readonly #isas: readonly string[];
  #isa = 0;
  readonly #memory: NativeAllocator;

  constructor(addon: Addon) {
    this.#addon = addon;
    this.#isas = addon.isas();
    this.#memory = new NativeAllocator((buffer) => addon.address(buffer));
  }

  /** The instruction set of the kernels that `prepare` uses: avx512, avx2, baseline or neon. */
  get isa(): string {
    return this.#isas[this.#isa];
  }

  /** Those that this processor has, best first. */
  get isas(): readonly string[] {
    return this.#isas;
  }

  /**
   * Programs prepared from now on use the kernels for this instruction set.
   * @throws HeedError when the processor or the addon does not have it
   */
  setIsa(name: string): void {
    const index = this.#isas.indexOf(name);
    if (index < 0) fail("HEED_ISA", `one of ${this.#isas.join(", ")} on this processor`, name);
    this.#isa = index;
  }

  /** The number of threads that work on a program, the calling one among them. */
  get threads(): number {
    return this.#addon.threads();
  }

  /**
   * Sets the number of threads, 1 to 64. Results do not depend on it.
   * @throws HeedError when the number is not whole or out of range
   */
  setThreads(count: number, written = `${count}`): void {
    if (!Number.isInteger(count) || count < 1 || count > MOST_THREADS)
      fail("HEED_THREADS", `a whole number from 1 to ${MOST_THREADS}`, written);
    this.#addon.setThreads(count);
  }

  /** Normal numbers from words of the generator (base/gaussian.ts). */
  readonly gaussian: GaussianKernel = (...fill) => this.#addon.gaussian(this.#isa, ...fill);

  /** Words of the generator, and numbers made of them (base/mersenne.ts). */
  readonly twister: TwisterKernel = (...fill) => this.#addon.twister(this.#isa, ...fill);

  /** Bytes held for temporaries and for the kernels' scratch: as much as the largest program so far needed. */
  get bytes(): { readonly arena: number; readonly scratch: number } {
    const [arena, scratch] = this.#addon.bytes();
    return { arena, scratch };
  }

  /**
   * Memory, 64-byte aligned, zeroed unless it was released before; `data` need not begin where its ArrayBuffer does.
   * @throws HeedError when there is not enough
   */
  allocate(dtype: DType, size: number): Memory {
    return this.#memory.allocate(dtype, size);
  }

  /** Keeps released memory for the next wish of its size. */
  release(memory: Memory): void {
    this.#memory.release(memory);
  }

  prepare(program: Program): Executable {
    return new NativeExecutable(this.#addon, this.#isa, program);
  }
}

class NativeExecutable implements Executable {
  readonly #addon: Addon;
  readonly #handle: object;
  readonly #addresses: Float64Array;
  readonly #status = new Int32Array(4);
  /** Of each slot, the bytes that the program may touch. */
  readonly #bytes: readonly number[];
  readonly #names: readonly string[];

  constructor(addon: Addon, isa: number, program: Program) {
    this.#addon = addon;
    this.#addresses = new Float64Array(program.externals);
    this.#handle = addon.prepare(encode(program), isa, this.#addresses, this.#status);
    this.#bytes = slotBytes(program.buffers, program.externals);
    this.#names = program.steps.map(({ kind, label }) => (label && label !== kind ? `${kind} (${label})` : kind));
  }

  run(externals: readonly Memory[]): void {
    const addresses = this.#addresses;
    const bytes = this.#bytes;
    if (externals.length !== bytes.length) fail("run", `${bytes.length} external buffers`, `${externals.length}`);
    for (let slot = 0; slot < bytes.length; slot++) {
      const memory = externals[slot];
      const { address } = memory;
      if (address === 0 || (memory.bytes ?? memory.data.byteLength) < bytes[slot])
        wrongMemory(slot, bytes[slot], memory.data, address);
      addresses[slot] = address;
    }
    const code = this.#addon.run(this.#handle, externals);
    if (code !== 0) this.#explain(code);
  }

  #explain(code: number): never {
    const [, step, detail, size] = this.#status;
    if (code !== 1) fail("run", "memory for the program's temporaries", `a need of ${detail} MB`);
    fail(this.#names[step], size > 0 ? `indices from 0 to ${size - 1}` : "no index into an empty axis", `${detail}`);
  }
}

function slotBytes(buffers: readonly Buffer[], externals: number): number[] {
  const bytes = new Array<number>(externals).fill(0);
  for (const buffer of buffers) {
    if (buffer.role === "external")
      bytes[buffer.slot] = Math.max(bytes[buffer.slot], buffer.size * DTYPES[buffer.dtype].bytes);
  }
  return bytes;
}

function wrongMemory(slot: number, bytes: number, data: TypedArray, address: number): never {
  if (address === 0) fail("run", `native memory in slot ${slot}`, "memory of another executor");
  fail("run", `at least ${bytes} bytes in slot ${slot}`, `${data.byteLength}`);
}
