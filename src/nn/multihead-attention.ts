// Attention with several heads, PyTorch's module: its arguments, its layout of weights, its names in state dicts. The computation is
// written the textbook way; making it fast is the compiler's affair. What a call is told, its masks above all, is in multihead-masks.ts.

import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, FLAG, type OptionTable } from "../base/options.js";
import { describe } from "../base/shape.js";
import { checkTensor } from "../tensor/check.js";
import { zeros } from "../tensor/create.js";
import { cat, dropout, linear } from "../tensor/functions.js";
import type { Tensor } from "../tensor/tensor.js";
import { tracing } from "../tensor/trace.js";
import { checkHeads, checkProbability, checkSizes } from "./check.js";
import { xavierNormal_, xavierUniform_, zeros_ } from "./init.js";
import { Linear } from "./linear.js";
import { Module } from "./module.js";
import { MULTIHEAD_CALL, type MultiheadAttentionCall, scoreMasks } from "./multihead-masks.js";
import { Parameter } from "./parameter.js";

/** The arguments of torch's module behind the first two. */
export interface MultiheadAttentionOptions {
  /** Probability with which weights are dropped in training, from 0 to 1; 1, as in torch, drops them all. */
  dropout?: number;
  /** Whether the projections add a bias; true. */
  bias?: boolean;
  /** Adds a learned key and value behind the others. */
  addBiasKv?: boolean;
  /** Adds a key and a value of zeros behind the others. */
  addZeroAttn?: boolean;
  /** Width of the keys given, embedDim. */
  kdim?: number;
  /** Width of the values given, embedDim. */
  vdim?: number;
  /** Inputs are [B,T,E] instead of PyTorch's default [T,B,E]. */
  batchFirst?: boolean;
}

const MULTIHEAD: OptionTable<MultiheadAttentionOptions> = {
  dropout: CHECKED,
  bias: FLAG,
  addBiasKv: FLAG,
  addZeroAttn: FLAG,
  kdim: CHECKED,
  vdim: CHECKED,
  batchFirst: FLAG,
};

/**
 * softmax(Q Kᵀ / √D) V in `numHeads` heads of width D = E / H, as torch.nn.MultiheadAttention (Vaswani et al. 2017, section 3.2.2).
 *
 * Query [T,B,E], key [S,B,kdim] and value [S,B,vdim] give the output [T,B,E] and the weights [B,T,S], or [B,H,T,S] of each head; with
 * `batchFirst` [B,T,E], [B,S,kdim], [B,S,vdim] and [B,T,E]; without a batch [T,E], [S,kdim], [S,vdim], [T,E] and [T,S]. A dropout of 1 is
 * allowed, as in torch, unlike for `attention`.
 * @param embedDim E
 * @param numHeads H
 * @throws HeedError for sizes that are not whole and at least 1, an embedDim that numHeads does not divide, a dropout outside [0,1]; when
 * called, for inputs and masks of other shapes and masks that are neither bool nor float
 * @example
 * const x = randn(2, 5, 64);   // B=2 T=S=5 E=64
 * const [output, weights] = new MultiheadAttention(64, 4, { batchFirst: true }).forward(x, x, x);   // f32[2,5,64], f32[2,5,5]
 */
export class MultiheadAttention extends Module {
  qProjWeight: Parameter | null = null; // [E,E]; the three apart where keys or values have another width
  kProjWeight: Parameter | null = null; // [E,kdim]
  vProjWeight: Parameter | null = null; // [E,vdim]
  inProjWeight: Parameter | null = null; // [3E,E]
  inProjBias: Parameter | null; // [3E]
  biasK: Parameter | null; // [1,1,E]
  biasV: Parameter | null; // [1,1,E]
  outProj: Linear;
  readonly headDim: number;
  readonly dropout: number;
  readonly batchFirst: boolean;
  readonly addZeroAttn: boolean;
  readonly kdim: number;
  readonly vdim: number;

  constructor(
    readonly embedDim: number,
    readonly numHeads: number,
    options: MultiheadAttentionOptions = {},
  ) {
    super();
    checkOptions("MultiheadAttention", options, MULTIHEAD, {
      dropoutP: "dropout",
    });
    const { bias = true, kdim = embedDim, vdim = embedDim } = options;
    checkHeads("MultiheadAttention", ["embedDim", embedDim], ["numHeads", numHeads]);
    checkSizes("MultiheadAttention", { kdim, vdim });
    this.dropout = options.dropout ?? 0;
    checkProbability("MultiheadAttention", this.dropout);
    this.batchFirst = options.batchFirst ?? false;
    this.addZeroAttn = options.addZeroAttn ?? false;
    this.headDim = embedDim / numHeads;
    this.kdim = kdim;
    this.vdim = vdim;
    const parameter = (...shape: number[]) => new Parameter(zeros(shape));
    if (kdim === embedDim && vdim === embedDim) this.inProjWeight = parameter(3 * embedDim, embedDim);
    else {
      this.qProjWeight = parameter(embedDim, embedDim);
      this.kProjWeight = parameter(embedDim, kdim);
      this.vProjWeight = parameter(embedDim, vdim);
    }
    this.inProjBias = bias ? parameter(3 * embedDim) : null;
    this.outProj = new Linear(embedDim, embedDim, { bias });
    this.biasK = options.addBiasKv ? parameter(1, 1, embedDim) : null;
    this.biasV = options.addBiasKv ? parameter(1, 1, embedDim) : null;
    for (const weight of [this.inProjWeight, this.qProjWeight, this.kProjWeight, this.vProjWeight]) {
      if (weight) xavierUniform_(weight);
    }
    if (this.outProj.bias) zeros_(this.outProj.bias);
    if (this.biasK) xavierNormal_(this.biasK);
    if (this.biasV) xavierNormal_(this.biasV);
  }

  override stateNames(): Readonly<Record<string, string>> {
    return NAMES;
  }

  /** [output like query, weights or null]. Inputs without a batch, [T,E], are allowed. */
  forward(query: Tensor, key: Tensor, value: Tensor, options: MultiheadAttentionCall = {}): [Tensor, Tensor | null] {
    checkOptions("MultiheadAttention", options, MULTIHEAD_CALL, { mask: "attnMask" });
    const { needWeights = true, averageAttnWeights = true } = options;
    for (const [name, x] of Object.entries({ query, key, value })) checkTensor("MultiheadAttention", name, x);
    const batched = query.ndim === 3;
    this.checkInputs(query, key, value);
    // To [B,T,E], which everything below is written in.
    const arrange = (x: Tensor) => (batched ? (this.batchFirst ? x : x.transpose(0, 1)) : x.unsqueeze(0));
    const from = arrange(query);
    const keys = key === query ? from : arrange(key);
    const values = value === key ? keys : arrange(value);
    const [q, k, v] = this.project(from, keys, values);
    const E = this.embedDim;
    const B = q.shape[0];
    const T = q.shape[1];
    const extra = k.shape[1] - key.shape[batched && !this.batchFirst ? 0 : key.ndim - 2];
    const heads = (x: Tensor) => x.view(B, x.shape[1], this.numHeads, this.headDim).transpose(1, 2);

    let scores = heads(q).matmul(heads(k).transpose(-2, -1)).div(Math.sqrt(this.headDim)); // [B,H,T,S]
    const sizes = { batch: batched ? B : null, heads: this.numHeads, queries: T, keys: k.shape[1] - extra, extra };
    for (const mask of scoreMasks(options, sizes)) {
      const hides = mask.dtype === "bool";
      scores = hides ? scores.maskedFill(mask, Number.NEGATIVE_INFINITY) : scores.add(mask.to(scores.dtype));
    }
    const pattern = dropout(scores.softmax(-1), { p: this.dropout, training: this.dropout > 0 && this.training });
    const mixed = pattern.matmul(heads(v)); // [B,H,T,D]
    // torch keeps the output as [T,B,E] whatever `batchFirst` says, and its dropout draws in the order of memory (tensor/memory-order.ts).
    const timeFirst = batched && (!this.batchFirst || (this.training && !tracing()));
    const joined = timeFirst ? mixed.permute(2, 0, 1, 3).reshape(T, B, E) : mixed.transpose(1, 2).reshape(B, T, E);
    const output = this.outProj.forward(joined); // [T,B,E] or [B,T,E]

    const restored = batched ? (timeFirst === this.batchFirst ? output.transpose(0, 1) : output) : output.squeeze(0);
    if (!needWeights) return [restored, null];
    const weights = averageAttnWeights ? pattern.mean(1) : pattern;
    return [restored, batched ? weights : weights.squeeze(0)];
  }

  private checkInputs(query: Tensor, key: Tensor, value: Tensor): void {
    const got = `query ${describe(query)}, key ${describe(key)}, value ${describe(value)}`;
    const wanted = `last axes of ${this.embedDim}, ${this.kdim} and ${this.vdim}`;
    const widths = [query.shape.at(-1), key.shape.at(-1), value.shape.at(-1)];
    const ranks = query.ndim >= 2 && query.ndim <= 3 && key.ndim === query.ndim && value.ndim === query.ndim;
    if (!ranks) fail("MultiheadAttention", "query, key and value all of 2 or all of 3 dimensions", got);
    if (widths.some((n, i) => n !== [this.embedDim, this.kdim, this.vdim][i])) fail("MultiheadAttention", wanted, got);
    const same = key.shape.slice(0, -1).every((n, i) => n === value.shape[i]);
    const batch = query.ndim < 3 || query.shape[this.batchFirst ? 0 : 1] === key.shape[this.batchFirst ? 0 : 1];
    if (!same || !batch) fail("MultiheadAttention", "key and value of one length, and one batch size for all", got);
  }

  /** Queries, keys and values [B,.,E], learned and zero ones at the end. */
  private project(query: Tensor, key: Tensor, value: Tensor): [Tensor, Tensor, Tensor] {
    const E = this.embedDim;
    const biases = this.inProjBias ? this.inProjBias.split(E) : [null, null, null];
    let q: Tensor;
    let k: Tensor;
    let v: Tensor;
    if (this.inProjWeight && query === key && key === value) {
      [q, k, v] = linear(query, this.inProjWeight, this.inProjBias).split(E, -1);
    } else if (this.inProjWeight && key === value) {
      const [weight, shared] = this.inProjWeight.split([E, 2 * E]);
      const [bias, sharedBias] = this.inProjBias?.split([E, 2 * E]) ?? [null, null];
      q = linear(query, weight, bias);
      [k, v] = linear(key, shared, sharedBias).split(E, -1);
    } else {
      const weights = this.inProjWeight?.split(E) ?? [this.qProjWeight, this.kProjWeight, this.vProjWeight];
      [q, k, v] = [query, key, value].map((x, i) => linear(x, weights[i] as Tensor, biases[i]));
    }
    const [B] = k.shape;
    if (this.biasK && this.biasV) {
      k = cat([k, this.biasK.expand(B, 1, E)], 1);
      v = cat([v, this.biasV.expand(B, 1, E)], 1);
    }
    if (this.addZeroAttn) [k, v] = [k, v].map((x) => cat([x, zeros(B, 1, E, { dtype: x.dtype })], 1));
    return [q, k, v];
  }
}

const NAMES = {
  qProjWeight: "q_proj_weight",
  kProjWeight: "k_proj_weight",
  vProjWeight: "v_proj_weight",
  inProjWeight: "in_proj_weight",
  inProjBias: "in_proj_bias",
  biasK: "bias_k",
  biasV: "bias_v",
  outProj: "out_proj",
};
