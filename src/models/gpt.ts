// GPT, the architecture of GPT-2 (Radford et al. 2019): learned positions, pre-LN blocks, GELU by its tanh approximation, an output
// layer that shares the token embedding's weight. B batch, T positions, S keys, C width, H heads, D = C / H, V vocabulary, L layers.

import { fail } from "../base/errors.js";
import { describe } from "../base/shape.js";
import { shown } from "../base/show.js";
import { Dropout } from "../nn/activations.js";
import { ModuleList } from "../nn/containers.js";
import { Embedding } from "../nn/embedding.js";
import { FeedForward } from "../nn/feed-forward.js";
import { normal_, skipInit, zeros_ } from "../nn/init.js";
import { Linear } from "../nn/linear.js";
import { Module } from "../nn/module.js";
import { LayerNorm } from "../nn/norm.js";
import type { StateDict } from "../nn/state.js";
import { checkTensor } from "../tensor/check.js";
import { arange } from "../tensor/create.js";
import { linear } from "../tensor/functions.js";
import { crossEntropy } from "../tensor/losses.js";
import type { Tensor } from "../tensor/tensor.js";
import {
  checkGPTConfig,
  checkGPTNames,
  configFromHuggingFace,
  configToHuggingFace,
  type GPTConfig,
} from "./gpt-config.js";
import { KeyValueCache, type LayerCache } from "./kv-cache.js";
import { checkCheckpointSize, checkpointOf, exportState, type Foreign, importState } from "./name-map.js";

type Config = Readonly<Required<GPTConfig>>;

/** Causal self-attention: every position mixes the values of those before it and its own. */
class Attention extends Module {
  queryKeyValue: Linear;
  output: Linear;
  patternDropout: Dropout;
  outputDropout: Dropout;

  constructor(private readonly config: Config) {
    super();
    const { width, dropout } = config;
    this.queryKeyValue = new Linear(width, 3 * width);
    this.output = new Linear(width, width);
    this.patternDropout = new Dropout(dropout);
    this.outputDropout = new Dropout(dropout);
  }

  forward(residual: Tensor, cache?: LayerCache): Tensor {
    const [B, T, C] = residual.shape;
    const H = this.config.heads;
    const D = C / H;
    const projected = this.queryKeyValue.forward(residual).split(C, -1); // 3 x [B,T,C]
    let [query, key, value] = projected.map((x) => x.view(B, T, H, D).transpose(1, 2)); // [B,H,T,D]
    if (cache) [key, value] = cache.append(key, value); // [B,H,S,D]

    const future = cache ? cache.future(T) : arange(T).gt(arange(T).view(T, 1)); // [T,S]
    const scores = query.matmul(key.transpose(-2, -1)).div(Math.sqrt(D)); // [B,H,T,S]
    const pattern = scores.maskedFill(future, Number.NEGATIVE_INFINITY).softmax(-1); // [B,H,T,S]
    const mixed = this.patternDropout.forward(pattern).matmul(value); // [B,H,T,D]

    return this.outputDropout.forward(this.output.forward(mixed.transpose(1, 2).reshape(B, T, C))); // [B,T,C]
  }
}

class Block extends Module {
  attentionNorm: LayerNorm;
  attention: Attention;
  feedForwardNorm: LayerNorm;
  feedForward: FeedForward;

  constructor(config: Config) {
    super();
    const { width, dropout, normEpsilon: eps } = config;
    this.attentionNorm = new LayerNorm(width, { eps });
    this.attention = new Attention(config);
    this.feedForwardNorm = new LayerNorm(width, { eps });
    this.feedForward = new FeedForward(width, { dropout, approximate: "tanh" });
  }

  forward(x: Tensor, cache?: LayerCache): Tensor {
    const residual = x.add(this.attention.forward(this.attentionNorm.forward(x), cache));
    return residual.add(this.feedForward.forward(this.feedForwardNorm.forward(residual)));
  }
}

/**
 * A language model: token ids to the logits of the next token at every position.
 *
 * Weights are drawn as nanoGPT draws them, number for number: PyTorch's defaults while the layers are made, then N(0, 0.02²) for
 * every weight in the same order, the token embedding a second time as the output layer, and N(0, 0.02² / 2L) for what each
 * block adds to the residual; biases are zero.
 * @throws HeedError for sizes that make no model
 * @example
 * const model = new GPT({ vocabularySize: 65, context: 64, layers: 4, heads: 4, width: 128 });
 * const logits = model.forward(ids);   // i32[B,T] to f32[B,T,65]
 */
export class GPT extends Module {
  tokens: Embedding;
  positions: Embedding;
  dropout: Dropout;
  blocks: ModuleList<Block>;
  norm: LayerNorm;
  readonly config: Config;

  constructor(config: GPTConfig) {
    super();
    checkGPTNames(config);
    this.config = checkGPTConfig(config);
    const { vocabularySize, context, layers, width, dropout, normEpsilon } = this.config;
    this.tokens = new Embedding(vocabularySize, width);
    this.positions = new Embedding(context, width);
    this.dropout = new Dropout(dropout);
    this.blocks = new ModuleList(Array.from({ length: layers }, () => new Block(this.config)));
    this.norm = new LayerNorm(width, { eps: normEpsilon });
    const head = new Linear(width, vocabularySize, { bias: false });
    this.tokens.weight = head.weight;
    this.apply(initialise);
    normal_(head.weight, 0, SPREAD);
    for (const { attention, feedForward } of this.blocks) {
      for (const { weight } of [attention.output, feedForward.contract])
        normal_(weight, 0, SPREAD / Math.sqrt(2 * layers));
    }
  }

  /** A model for a configuration that was read from a file. @throws HeedError unless it describes one */
  static fromConfig(json: unknown): GPT {
    return new GPT(checkGPTConfig(json));
  }

  get context(): number {
    return this.config.context;
  }

  get vocabularySize(): number {
    return this.config.vocabularySize;
  }

  /**
   * Token ids i32[B,T] to logits f32[B,T,V]. With a cache, they go on where it ends.
   * @throws HeedError for more than `context` positions; when run, for ids outside the vocabulary
   */
  forward(ids: Tensor, cache?: KeyValueCache): Tensor {
    return this.logits(this.residual(ids, cache));
  }

  /** The residual behind the last block, normalised: i32[B,T] to f32[B,T,C]. */
  residual(ids: Tensor, cache?: KeyValueCache): Tensor {
    checkTensor("GPT", "ids", ids);
    if (cache !== undefined && !(cache instanceof KeyValueCache && cache.layers.length === this.blocks.length))
      fail("GPT", `a KeyValueCache of ${this.blocks.length} layers`, shown(cache), "make it with newCache()");
    const T = ids.shape[1];
    if (ids.ndim !== 2 || ids.dtype !== "i32") fail("GPT", "token ids i32[B,T]", describe(ids));
    if (T > this.context) fail("GPT", `at most ${this.context} positions, the model's context`, describe(ids));
    const positions = cache ? this.positions.forward(cache.positions(T)) : this.positions.weight.narrow(0, 0, T); // [T,C]
    let residual = this.dropout.forward(this.tokens.forward(ids).add(positions)); // [B,T,C]
    for (let i = 0; i < this.blocks.length; i++) residual = this.blocks[i].forward(residual, cache?.layers[i]);
    return this.norm.forward(residual);
  }

  /** [B,T,C] to [B,T,V], by the embedding of each token. */
  logits(residual: Tensor): Tensor {
    return linear(residual, this.tokens.weight);
  }

  /** The mean cross entropy of predicting targets i32[B,T] from ids i32[B,T]; targets of -100 do not count. */
  loss(ids: Tensor, targets: Tensor): Tensor {
    return crossEntropy(this.forward(ids), targets);
  }

  /** An empty cache for this model, for up to `capacity` positions. */
  newCache(capacity = this.context): KeyValueCache {
    const { layers, heads, width } = this.config;
    if (capacity > this.context)
      fail("GPT.newCache", `a capacity of at most ${this.context}, the context`, String(capacity));
    return new KeyValueCache({ layers, heads, headWidth: width / heads, capacity, dtype: this.tokens.weight.dtype });
  }

  /**
   * A model with the weights of a Hugging Face GPT-2, the published file or one that transformers saved; in evaluation mode, as
   * `from_pretrained` gives it.
   * @throws HeedError for another architecture, and one that lists every missing, unexpected and misshapen tensor
   * @example GPT.fromHuggingFace(JSON.parse(readFileSync("gpt2/config.json", "utf8")), await loadSafetensors("gpt2/model.safetensors"))
   */
  static fromHuggingFace(config: unknown, state: StateDict | ReadonlyMap<string, Tensor>): GPT {
    const op = "GPT.fromHuggingFace";
    const own = configFromHuggingFace(config);
    const checkpoint = checkpointOf(op, state);
    const { layers, width, context, vocabularySize } = own;
    checkCheckpointSize(op, checkpoint, width * (12 * layers * width + context + vocabularySize));
    const model = skipInit(() => new GPT(own));
    model.loadStateDict(importState(op, checkpoint, model.stateDict(), HUGGING_FACE));
    return model.eval();
  }

  /** This model as transformers stores it: the contents of config.json and model.safetensors. */
  toHuggingFace(): { config: Record<string, unknown>; state: StateDict } {
    return { config: configToHuggingFace(this.config), state: exportState(this.stateDict(), HUGGING_FACE) };
  }
}

const SPREAD = 0.02;

function initialise(module: Module): void {
  if (module instanceof Linear || module instanceof Embedding) normal_(module.weight, 0, SPREAD);
  if (module instanceof Linear && module.bias) zeros_(module.bias);
}

// transformers keeps these weights [in, out], as its Conv1D does.
const conv1d = (name: string) => ({ name, transposed: true }) as const;

const HUGGING_FACE: Foreign = {
  prefix: "transformer.",
  ignored: /^(h\.\d+\.attn\.(bias|masked_bias)|lm_head\.weight)$/,
  map: {
    "tokens.weight": "wte.weight",
    "positions.weight": "wpe.weight",
    "blocks.*.attentionNorm.weight": "h.*.ln_1.weight",
    "blocks.*.attentionNorm.bias": "h.*.ln_1.bias",
    "blocks.*.attention.queryKeyValue.weight": conv1d("h.*.attn.c_attn.weight"),
    "blocks.*.attention.queryKeyValue.bias": "h.*.attn.c_attn.bias",
    "blocks.*.attention.output.weight": conv1d("h.*.attn.c_proj.weight"),
    "blocks.*.attention.output.bias": "h.*.attn.c_proj.bias",
    "blocks.*.feedForwardNorm.weight": "h.*.ln_2.weight",
    "blocks.*.feedForwardNorm.bias": "h.*.ln_2.bias",
    "blocks.*.feedForward.expand.weight": conv1d("h.*.mlp.c_fc.weight"),
    "blocks.*.feedForward.expand.bias": "h.*.mlp.c_fc.bias",
    "blocks.*.feedForward.contract.weight": conv1d("h.*.mlp.c_proj.weight"),
    "blocks.*.feedForward.contract.bias": "h.*.mlp.c_proj.bias",
    "norm.weight": "ln_f.weight",
    "norm.bias": "ln_f.bias",
  },
};
