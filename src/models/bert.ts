// BERT (Devlin et al. 2019): every position sees every other; learned positions and segments, LayerNorm behind each sublayer, exact GELU;
// a pooler that sums a text up, and heads that predict masked tokens and the next sentence. B batch, T positions, C width, H heads,
// D = C / H, V vocabulary. Masking for training is in bert-mask.ts, the words of config.json in bert-config.ts.

import { fail } from "../base/errors.js";
import { checkOptions, type OptionTable } from "../base/options.js";
import { describe, sameShape } from "../base/shape.js";
import { Dropout } from "../nn/activations.js";
import { ModuleList } from "../nn/containers.js";
import { Embedding } from "../nn/embedding.js";
import { skipInit } from "../nn/init.js";
import { Linear } from "../nn/linear.js";
import { Module } from "../nn/module.js";
import { LayerNorm } from "../nn/norm.js";
import type { StateDict } from "../nn/state.js";
import { checkTensor, TENSOR } from "../tensor/check.js";
import { crossEntropy } from "../tensor/losses.js";
import type { Tensor } from "../tensor/tensor.js";
import { Block, hiddenKeys } from "./bert-block.js";
import {
  type BertConfig,
  bertConfigFromHuggingFace,
  bertConfigToHuggingFace,
  type CompleteBertConfig,
  checkBertConfig,
} from "./bert-config.js";
import { drawWeights, MaskedHead } from "./bert-heads.js";
import { bertNames, exportBert } from "./bert-names.js";
import { checkCheckpointSize, importState } from "./name-map.js";

/** What a call of `Bert` is told beside the token ids. */
export interface BertCall {
  /** The segment of each token, i32[B,T]; all 0 unless given. */
  tokenTypes?: Tensor;
  /** Which tokens may be looked at, [B,T], or by which, [B,T,T], query by key: true or 1; false or 0 for padding. All unless given. */
  attentionMask?: Tensor;
}

const BERT_CALL: OptionTable<BertCall> = { tokenTypes: TENSOR, attentionMask: TENSOR };

/** What `Bert` gives. All of it is pending: a pattern is computed when somebody asks for it, and only then. */
export class BertOutput {
  constructor(
    /** The residual behind the embeddings and behind each block, L + 1 of f32[B,T,C]. */
    readonly hiddenStates: readonly Tensor[],
    /** The pattern of each block, before dropout: L of f32[B,H,T,T]. */
    readonly patterns: readonly Tensor[],
    private readonly pooler: Linear | null,
  ) {}

  /** The residual behind the last block, f32[B,T,C]. */
  get lastHidden(): Tensor {
    return this.hiddenStates[this.hiddenStates.length - 1];
  }

  /** tanh(W h + b) of the first token's, which stands for the text: f32[B,C]. @throws HeedError for a model without a pooler */
  get pooled(): Tensor {
    const pooler =
      this.pooler ?? fail("Bert.pooled", "a model with a pooler", "one without", "make it with pooler: true");
    return pooler.forward(this.lastHidden.at(":", 0)).tanh();
  }
}

/**
 * An encoder: token ids to a vector for each, and what masked ones were.
 *
 * Weights are drawn as transformers draws them, number for number: N(0, 0.02²), biases and the padding token's embedding zero.
 * @throws HeedError for sizes that make no model
 * @example
 * const model = new Bert({ vocabularySize: 21128, layers: 12, heads: 12, width: 768 });   // the sizes of bert-base-chinese
 * const { lastHidden, pooled, patterns } = model.forward(ids);   // i32[B,T] to f32[B,T,C], f32[B,C], 12 of f32[B,12,T,T]
 */
export class Bert extends Module {
  tokens: Embedding;
  positions: Embedding;
  tokenTypes: Embedding;
  norm: LayerNorm;
  dropout: Dropout;
  blocks: ModuleList<Block>;
  pooler: Linear | null;
  maskedHead: MaskedHead | null;
  nextSentenceHead: Linear | null;
  readonly config: CompleteBertConfig;

  constructor(config: BertConfig) {
    super();
    this.config = checkBertConfig(config);
    const { vocabularySize, context, layers, width, dropout, normEpsilon, paddingId, ...rest } = this.config;
    this.tokens = new Embedding(vocabularySize, width, { paddingIdx: paddingId ?? undefined });
    this.positions = new Embedding(context, width);
    this.tokenTypes = new Embedding(rest.tokenTypes, width);
    this.norm = new LayerNorm(width, { eps: normEpsilon });
    this.dropout = new Dropout(dropout);
    this.blocks = new ModuleList(Array.from({ length: layers }, () => new Block(this.config)));
    this.pooler = rest.pooler ? new Linear(width, width) : null;
    this.apply(drawWeights);
    this.maskedHead = rest.maskedHead ? new MaskedHead(this.config) : null;
    this.nextSentenceHead = rest.nextSentenceHead ? new Linear(width, 2) : null;
    this.maskedHead?.draw();
    if (this.nextSentenceHead) drawWeights(this.nextSentenceHead);
  }

  /**
   * Token ids i32[B,T] to what `BertOutput` holds.
   * @throws HeedError for more than `context` positions and for token types and masks of another shape; when run, for ids outside the vocabulary
   */
  forward(ids: Tensor, call: BertCall = {}): BertOutput {
    checkOptions("Bert", call, BERT_CALL, { tokenTypeIds: "tokenTypes", mask: "attentionMask" });
    const { tokenTypes, attentionMask } = call;
    const { context } = this.config;
    checkTensor("Bert", "ids", ids);
    if (ids.ndim !== 2 || ids.dtype !== "i32") fail("Bert", "token ids i32[B,T]", describe(ids));
    if (ids.shape[1] > context) fail("Bert", `at most ${context} positions, the model's context`, describe(ids));
    if (tokenTypes && !sameShape(tokenTypes.shape, ids.shape))
      fail("Bert", `tokenTypes [${ids.shape}], as the ids`, describe(tokenTypes));
    const [B, T] = ids.shape;
    const kind = tokenTypes ? this.tokenTypes.forward(tokenTypes) : this.tokenTypes.weight.at(0); // [B,T,C] or [C]
    const embedded = this.tokens
      .forward(ids)
      .add(kind)
      .add(this.positions.weight.narrow(0, 0, T)); // [B,T,C]
    let residual = this.dropout.forward(this.norm.forward(embedded));
    const hidden = attentionMask && hiddenKeys(attentionMask, B, T);
    const states = [residual];
    const patterns: Tensor[] = [];
    for (const block of this.blocks) {
      const [next, pattern] = block.forward(residual, hidden);
      residual = next;
      states.push(residual);
      patterns.push(pattern);
    }
    return new BertOutput(states, patterns, this.pooler);
  }

  /** What each token was, by the head for masked tokens: f32[B,T,C] to logits f32[B,T,V]. @throws HeedError for a model without it */
  logits(lastHidden: Tensor): Tensor {
    const head = this.maskedHead ?? fail("Bert.logits", "a model with a head for masked tokens", "one without");
    return head.forward(lastHidden, this.tokens.weight);
  }

  /** Whether the second text follows the first: f32[B,C], what is pooled, to logits f32[B,2] of yes and no. @throws HeedError for a model without it */
  nextSentence(pooled: Tensor): Tensor {
    const head =
      this.nextSentenceHead ?? fail("Bert.nextSentence", "a model with a head for the next sentence", "one without");
    return head.forward(pooled);
  }

  /** The mean cross entropy of predicting targets i32[B,T] from ids i32[B,T]; targets of -100, those that were not masked, do not count. */
  loss(ids: Tensor, targets: Tensor, call: BertCall = {}): Tensor {
    return crossEntropy(this.logits(this.forward(ids, call).lastHidden), targets);
  }

  /**
   * A model with the weights of a Hugging Face BERT, the published files or those that transformers saved, with the heads that are there; in
   * evaluation mode, as `from_pretrained` gives it.
   * @throws HeedError for another architecture, and one that lists every missing, unexpected and misshapen tensor
   * @example Bert.fromHuggingFace(JSON.parse(readFileSync("bert/config.json", "utf8")), await loadSafetensors("bert/model.safetensors"))
   */
  static fromHuggingFace(config: unknown, state: StateDict | ReadonlyMap<string, Tensor>): Bert {
    const { entries, foreign, heads } = bertNames(state);
    const own = bertConfigFromHuggingFace(config);
    const { layers, width, hidden = 4 * width, context = 0, vocabularySize } = own;
    const numbers = width * (layers * (4 * width + 2 * hidden) + context + vocabularySize);
    checkCheckpointSize("Bert.fromHuggingFace", entries, numbers);
    const model = skipInit(() => new Bert({ ...own, ...heads }));
    model.loadStateDict(importState("Bert.fromHuggingFace", entries, model.stateDict(), foreign));
    return model.eval();
  }

  /** This model as transformers stores it: the contents of config.json and model.safetensors. */
  toHuggingFace(): { config: Record<string, unknown>; state: StateDict } {
    return { config: bertConfigToHuggingFace(this.config), state: exportBert(this.stateDict()) };
  }
}
