// The training step that is measured: GPT-2's architecture in two sizes; forward, backward, clipping, and AdamW with decay on the
// matrices only. Its twin in PyTorch is peers/gpt.py; `writeStart` gives that the same weights and batches.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile, manualSeed, randint, type Tensor } from "heed";
import { GPT, type GPTConfig } from "heed/models";
import { AdamW, clipGradNorm_ } from "heed/train";
import { writeSafetensors } from "../../src/tensor/safetensors.js";

export type Size = GPTConfig & { readonly batch: number };

/** What `npm start` trains, and the GPT of 10.8 million parameters that nanoGPT trains on Shakespeare's characters. */
export const SIZES = {
  small: { layers: 4, heads: 4, width: 128, context: 64, batch: 12, vocabularySize: 65 },
  large: { layers: 6, heads: 6, width: 384, context: 256, batch: 8, vocabularySize: 65 },
} as const satisfies { [name: string]: Size };

const BATCHES = 8;

export class Training {
  readonly step: (x: Tensor, y: Tensor) => Tensor;
  readonly #model: GPT;
  readonly #batches: readonly (readonly [x: Tensor, y: Tensor])[];
  #next = 0;

  constructor(readonly size: Size) {
    manualSeed(1);
    const model = new GPT(size);
    const parameters = model.parameters();
    const groups = [
      { params: parameters.filter((p) => p.ndim >= 2), weightDecay: 0.1 },
      { params: parameters.filter((p) => p.ndim < 2), weightDecay: 0 },
    ];
    const optimizer = new AdamW(groups, { learningRate: 1e-3, betas: [0.9, 0.95] });
    this.step = compile((x: Tensor, y: Tensor) => {
      const loss = model.loss(x, y);
      optimizer.zeroGrad();
      loss.backward();
      clipGradNorm_(parameters, 1);
      optimizer.step();
      return loss;
    });
    this.#model = model;
    this.#batches = Array.from({ length: BATCHES }, () => [this.tokens(), this.tokens()]);
  }

  /** Random tokens, i32[B,T]. */
  tokens(): Tensor {
    return randint(this.size.vocabularySize, [this.size.batch, this.size.context]).evaluate();
  }

  /** A step on the next of the batches that both sides have; its loss. */
  next(): number {
    const [x, y] = this.#batches[this.#next++ % BATCHES];
    return this.step(x, y).item();
  }

  /** Writes the weights as they are now, and the batches, to a safetensors file that is gone with the process. */
  writeStart(): string {
    const folder = mkdtempSync(join(tmpdir(), "heed-bench-"));
    process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, "start.safetensors");
    const weights = Object.entries(this.#model.stateDict()).map(([name, tensor]) => [name, stored([tensor])] as const);
    const [x, y] = [0, 1].map((side) => stored(this.#batches.map((batch) => batch[side])));
    writeFileSync(file, Buffer.concat(writeSafetensors([...weights, ["x", x], ["y", y]])));
    return file;
  }
}

/** One tensor as it is, several stacked. */
function stored(tensors: readonly Tensor[]) {
  const parts = tensors.map((tensor) => tensor.dataSync());
  const bytes = Buffer.concat(parts.map((part) => new Uint8Array(part.buffer, part.byteOffset, part.byteLength)));
  const shape = tensors.length === 1 ? tensors[0].shape : [tensors.length, ...tensors[0].shape];
  return { dtype: tensors[0].dtype === "f32" ? ("F32" as const) : ("I32" as const), shape, bytes };
}
