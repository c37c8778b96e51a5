// Memory for the native kernels: aligned pieces of ArrayBuffers whose addresses are known. Small pieces share a slab, as asking the
// system for each would cost more than computing what goes there. The garbage collector frees a buffer when its last piece is gone.

import { DTYPES, type DType, type TypedArray, typedArray } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import type { Memory } from "./executor.js";

const ALIGNMENT = 64;
const SMALL = 4096;
const SLAB = 65536;
const MOST_RELEASED = 2 ** 28;
const MOST_UNWRITTEN = 2 ** 31; // less than Node's longest Buffer

/** A piece of a buffer. The typed array over it is made when somebody asks: most results only go on to the next program. */
export class NativeMemory implements Memory {
  private view: TypedArray | null = null;

  constructor(
    readonly address: number,
    readonly bytes: number,
    private readonly dtype: DType,
    private readonly buffer: ArrayBuffer,
    private readonly offset: number,
    private readonly size: number,
  ) {}

  get data(): TypedArray {
    this.view ??= typedArray(this.dtype, this.buffer, this.offset, this.size);
    return this.view;
  }

  /** The same piece for other numbers, of as many bytes. */
  again(dtype: DType, size: number): NativeMemory {
    return new NativeMemory(this.address, this.bytes, dtype, this.buffer, this.offset, size);
  }
}

export class NativeAllocator {
  readonly #addressOf: (buffer: ArrayBuffer) => number;
  readonly #released = new Map<number, NativeMemory[]>();
  #releasedBytes = 0;
  #slab = new ArrayBuffer(0);
  #slabAddress = 0;
  #slabUsed = 0;

  constructor(addressOf: (buffer: ArrayBuffer) => number) {
    this.#addressOf = addressOf;
  }

  /** @throws HeedError when there is not enough */
  allocate(dtype: DType, size: number): NativeMemory {
    const bytes = size * DTYPES[dtype].bytes;
    if (bytes <= SMALL) return this.#allocateSmall(dtype, size, bytes);
    const used = this.#released.get(bytes)?.pop();
    if (used) {
      this.#releasedBytes -= bytes;
      return used.again(dtype, size);
    }
    const buffer = unwritten(bytes + ALIGNMENT);
    const start = this.#addressOf(buffer);
    const offset = (ALIGNMENT - (start % ALIGNMENT)) % ALIGNMENT;
    return new NativeMemory(start + offset, bytes, dtype, buffer, offset, size);
  }

  /** Keeps released memory for the next wish of its size: pages that are mapped already cost nothing. */
  release(memory: Memory): void {
    if (!(memory instanceof NativeMemory)) return;
    const { bytes } = memory;
    if (bytes <= SMALL || this.#releasedBytes + bytes > MOST_RELEASED) return;
    const list = this.#released.get(bytes) ?? [];
    this.#released.set(bytes, list);
    list.push(memory);
    this.#releasedBytes += bytes;
  }

  #allocateSmall(dtype: DType, size: number, bytes: number): NativeMemory {
    // Even an empty piece has an address of its own: the first slab is made for whatever comes first.
    if (this.#slabAddress === 0 || this.#slabUsed + bytes > this.#slab.byteLength) {
      this.#slab = unwritten(SLAB + ALIGNMENT);
      this.#slabAddress = this.#addressOf(this.#slab);
      this.#slabUsed = (ALIGNMENT - (this.#slabAddress % ALIGNMENT)) % ALIGNMENT;
    }
    const offset = this.#slabUsed;
    this.#slabUsed += Math.max(ALIGNMENT, Math.ceil(bytes / ALIGNMENT) * ALIGNMENT);
    return new NativeMemory(this.#slabAddress + offset, bytes, dtype, this.#slab, offset, size);
  }
}

/** Memory as the system hands it out: whoever allocates writes all of it, so that zeros beforehand would be a second pass over it. */
function unwritten(bytes: number): ArrayBuffer {
  try {
    return bytes <= MOST_UNWRITTEN ? (Buffer.allocUnsafeSlow(bytes).buffer as ArrayBuffer) : new ArrayBuffer(bytes);
  } catch {
    return fail("allocate", "enough memory", `a wish for ${bytes} bytes`, "use smaller tensors or a smaller dtype");
  }
}
