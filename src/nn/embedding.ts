// The table of vectors, one for each token.

import type { DType } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, FLOAT_DTYPE } from "../base/options.js";
import { arange, zeros } from "../tensor/create.js";
import { embedding, where } from "../tensor/functions.js";
import { noGrad } from "../tensor/grad-mode.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkSizes } from "./check.js";
import { normal_ } from "./init.js";
import { Module } from "./module.js";
import { Parameter } from "./parameter.js";

/**
 * Rows of a table [numEmbeddings, embeddingDim] picked by i32 indices [...]: [..., embeddingDim]. Drawn from N(0, 1); the row
 * `paddingIdx` starts at zero and takes no gradient.
 * @throws HeedError for sizes that are not whole and at least 1, and a paddingIdx outside the table; when run, for an index outside the table
 * @example new Embedding(50, 16, { paddingIdx: 0 }).forward(tensor([[7, 3, 0]]))   // f32[1,3,16]
 */
export class Embedding extends Module {
  weight: Parameter; // [V, C]
  readonly paddingIdx: number | null;

  constructor(
    readonly numEmbeddings: number,
    readonly embeddingDim: number,
    options: { paddingIdx?: number; dtype?: DType } = {},
  ) {
    super();
    checkOptions(this.typeName, options, { paddingIdx: CHECKED, dtype: FLOAT_DTYPE });
    checkSizes("Embedding", { numEmbeddings, embeddingDim });
    const { paddingIdx, dtype = "f32" } = options;
    const row = paddingIdx !== undefined && paddingIdx < 0 ? paddingIdx + numEmbeddings : paddingIdx;
    if (row !== undefined && !(Number.isInteger(row) && row >= 0 && row < numEmbeddings)) {
      fail("Embedding", `paddingIdx from ${-numEmbeddings} to ${numEmbeddings - 1}`, String(paddingIdx));
    }
    this.paddingIdx = row ?? null;
    this.weight = new Parameter(zeros(numEmbeddings, embeddingDim, { dtype }));
    this.resetParameters();
  }

  /** Draws the initial numbers anew, from N(0, std²). */
  resetParameters(std = 1): void {
    normal_(this.weight, 0, std);
    if (this.paddingIdx === null) return;
    const padding = arange(this.numEmbeddings).eq(this.paddingIdx).unsqueeze(1);
    noGrad(() => this.weight.assign(where(padding, 0, this.weight)));
  }

  forward(indices: Tensor): Tensor {
    return embedding(indices, this.weight, { paddingIdx: this.paddingIdx ?? undefined });
  }

  override extraRepr(): string {
    const padding = this.paddingIdx === null ? "" : `, padding_idx=${this.paddingIdx}`;
    return `${this.numEmbeddings}, ${this.embeddingDim}${padding}`;
  }
}
