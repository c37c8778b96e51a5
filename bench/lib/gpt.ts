// The training step that is measured: GPT-2's architecture in two sizes; forward, backward, clipping, and AdamW with decay on the
// matrices only. Its twin in PyTorch is peers/gpt.py. This file imports Heed alone, as it also runs where memory is measured.

import { compile, manualSeed, randint, type Tensor } from "heed";
import { GPT, type GPTConfig } from "heed/models";
import { AdamW, clipGradNorm_ } from "heed/train";

export type Size = GPTConfig & { readonly batch: number };

/** What `npm start` trains, and the GPT of 10.8 million parameters that nanoGPT trains on Shakespeare's characters. */
export const SIZES = {
  small: { layers: 4, heads: 4, width: 128, context: 64, batch: 12, vocabularySize: 65 },
  large: { layers: 6, heads: 6, width: 384, context: 256, batch: 8, vocabularySize: 65 },
} as const satisfies { [name: string]: Size };

const BATCHES = 8;

export class Training {
  readonly step: (x: Tensor, y: Tensor) => Tensor;
  readonly model: GPT;
  /** Tokens and the tokens after them, drawn at random, i32[B,T]: what `next` goes through again and again. */
  readonly batches: readonly (readonly [x: Tensor, y: Tensor])[];
  #next = 0;

  constructor(readonly size: Size) {
    manualSeed(1);
    const { batch: _, ...config } = size;
    const model = new GPT(config);
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
    this.model = model;
    this.batches = Array.from({ length: BATCHES }, () => [this.tokens(), this.tokens()]);
  }

  /** Random tokens, i32[B,T]. */
  tokens(): Tensor {
    return randint(this.size.vocabularySize, [this.size.batch, this.size.context]).evaluate();
  }

  /** A step on the next of the batches; its loss. */
  next(): number {
    const [x, y] = this.batches[this.#next++ % BATCHES];
    return this.step(x, y).item();
  }
}
