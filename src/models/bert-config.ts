// What a BERT is made of, and how config.json says it: sizes, checked before anything is allocated.

import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, FLAG, type OptionTable, oneOf } from "../base/options.js";
import { shown } from "../base/show.js";
import { checkLayers } from "../nn/check.js";
import { CONFIG_REMEDIES } from "./gpt-config.js";

/** The sizes of a `Bert`, under our names; `loadBert` reads them from Hugging Face's config.json. */
export interface BertConfig {
  /** V: token ids are 0 to V - 1. */
  vocabularySize: number;
  /** The most positions the model sees at once; 512. */
  context?: number;
  /** L */
  layers: number;
  /** H, which divides the width. */
  heads: number;
  /** C */
  width: number;
  /** Width of the feed-forward network; 4 C. */
  hidden?: number;
  /** How many kinds of segments there are; 2, a text and the one after it. */
  tokenTypes?: number;
  /** GELU exactly ("none") or by its tanh approximation; "none". */
  approximate?: "none" | "tanh";
  /** Probability of dropout in training, on the residual; 0.1. */
  dropout?: number;
  /** Probability of dropout in training, on the attention weights; that of `dropout`. */
  patternDropout?: number;
  /** What LayerNorm adds to the variance; 1e-12. */
  normEpsilon?: number;
  /** The token that fills up shorter texts, whose embedding starts at zero and stays; 0. Null: none. */
  paddingId?: number | null;
  /** Whether there is a pooler, which sums a text up; true. */
  pooler?: boolean;
  /** Whether there is a head that predicts masked tokens; true. */
  maskedHead?: boolean;
  /** Whether there is a head that tells if the second text follows the first; false. */
  nextSentenceHead?: boolean;
}

const BERT: OptionTable<BertConfig> = {
  vocabularySize: CHECKED,
  context: CHECKED,
  layers: CHECKED,
  heads: CHECKED,
  width: CHECKED,
  hidden: CHECKED,
  tokenTypes: CHECKED,
  approximate: oneOf("none", "tanh"),
  dropout: CHECKED,
  patternDropout: CHECKED,
  normEpsilon: CHECKED,
  paddingId: CHECKED,
  pooler: FLAG,
  maskedHead: FLAG,
  nextSentenceHead: FLAG,
};

export type CompleteBertConfig = Readonly<Required<BertConfig>>;

const SIZES = ["vocabularySize", "layers", "heads", "width", "context", "hidden", "tokenTypes"] as const;

/**
 * The complete, frozen configuration.
 * @throws HeedError for sizes that make no model
 */
export function checkBertConfig(given: BertConfig): CompleteBertConfig {
  checkOptions("Bert", given, BERT, CONFIG_REMEDIES);
  const { context = 512, tokenTypes = 2, approximate = "none", dropout = 0.1, normEpsilon = 1e-12 } = given;
  const { patternDropout = dropout, hidden = 4 * given.width, paddingId = 0 } = given;
  const { pooler = true, maskedHead = true, nextSentenceHead = false, vocabularySize, layers, heads, width } = given;
  const sizes = { vocabularySize, layers, heads, width, context, hidden, tokenTypes };
  for (const name of SIZES) {
    if (!Number.isSafeInteger(sizes[name]) || sizes[name] < 1)
      fail("Bert", `${name} a whole number of at least 1`, String(sizes[name]));
  }
  if (width % heads !== 0) fail("Bert", "a width that the heads divide", `width ${width} and ${heads} heads`);
  const largest = Math.max(vocabularySize, context, hidden) * width;
  if (largest >= 2 ** 31) fail("Bert", "weights of fewer than 2^31 numbers each", `one of ${largest}`);
  checkLayers("Bert", layers);
  for (const [name, p] of Object.entries({ dropout, patternDropout }))
    if (typeof p !== "number" || !(p >= 0 && p <= 1)) fail("Bert", `${name} a probability from 0 to 1`, shown(p));
  if (typeof normEpsilon !== "number" || !(normEpsilon > 0 && normEpsilon < 1))
    fail("Bert", "normEpsilon between 0 and 1", shown(normEpsilon));
  if (paddingId !== null && !(Number.isInteger(paddingId) && paddingId >= 0 && paddingId < vocabularySize))
    fail("Bert", `paddingId from 0 to ${vocabularySize - 1}, or null`, String(paddingId));
  if (nextSentenceHead && !pooler)
    fail("Bert", "a pooler where there is a head for the next sentence", "none", "pass pooler: true");
  const numbers = { approximate, dropout, patternDropout, normEpsilon, paddingId } as const;
  return Object.freeze({ ...sizes, ...numbers, pooler, maskedHead, nextSentenceHead });
}

const ACTIVATIONS: Readonly<Record<string, "none" | "tanh">> = {
  gelu: "none",
  gelu_python: "none",
  gelu_new: "tanh",
  gelu_pytorch_tanh: "tanh",
};

/**
 * The configuration that a config.json of Hugging Face describes; which heads there are is left to the checkpoint.
 * @throws HeedError for another architecture, and for options of BERT that this model has not
 */
export function bertConfigFromHuggingFace(json: unknown): BertConfig {
  const op = "Bert.fromHuggingFace";
  if (typeof json !== "object" || json === null || Array.isArray(json))
    fail(op, "the object of a config.json", json === null ? "null" : Array.isArray(json) ? "a list" : typeof json);
  const given = json as Record<string, unknown>;
  if (given.model_type !== undefined && given.model_type !== "bert")
    fail(op, 'model_type "bert"', String(given.model_type));
  const only = (name: string, allowed: unknown) => {
    if (given[name] !== undefined && given[name] !== allowed) fail(op, `${name} ${allowed}`, String(given[name]));
  };
  only("is_decoder", false);
  only("add_cross_attention", false);
  only("tie_word_embeddings", true);
  only("position_embedding_type", "absolute");
  const needed = ["vocab_size", "num_hidden_layers", "num_attention_heads", "hidden_size"];
  const missing = needed.filter((name) => given[name] === undefined);
  if (missing.length > 0) fail(op, `a config.json with ${needed.join(", ")}`, `one without ${missing.join(", ")}`);
  const act = String(given.hidden_act ?? "gelu");
  if (!Object.hasOwn(ACTIVATIONS, act)) fail(op, `hidden_act ${Object.keys(ACTIVATIONS).join(", ")}`, act);
  return {
    vocabularySize: given.vocab_size as number,
    context: (given.max_position_embeddings ?? undefined) as number | undefined,
    layers: given.num_hidden_layers as number,
    heads: given.num_attention_heads as number,
    width: given.hidden_size as number,
    hidden: (given.intermediate_size ?? undefined) as number | undefined,
    tokenTypes: (given.type_vocab_size ?? undefined) as number | undefined,
    approximate: ACTIVATIONS[act],
    dropout: (given.hidden_dropout_prob ?? undefined) as number | undefined,
    patternDropout: (given.attention_probs_dropout_prob ?? undefined) as number | undefined,
    normEpsilon: (given.layer_norm_eps ?? undefined) as number | undefined,
    paddingId: given.pad_token_id as number | null | undefined,
  };
}

/** The config.json that transformers reads. */
export function bertConfigToHuggingFace(config: CompleteBertConfig): Record<string, unknown> {
  const { pooler, maskedHead, nextSentenceHead } = config;
  const architecture = nextSentenceHead ? "PreTraining" : maskedHead ? "MaskedLM" : "Model";
  return {
    architectures: [architecture === "Model" ? "BertModel" : `BertFor${architecture}`],
    model_type: "bert",
    vocab_size: config.vocabularySize,
    max_position_embeddings: config.context,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    hidden_size: config.width,
    intermediate_size: config.hidden,
    type_vocab_size: config.tokenTypes,
    hidden_act: config.approximate === "none" ? "gelu" : "gelu_new",
    hidden_dropout_prob: config.dropout,
    attention_probs_dropout_prob: config.patternDropout,
    layer_norm_eps: config.normEpsilon,
    pad_token_id: config.paddingId,
    initializer_range: 0.02,
    tie_word_embeddings: true,
    torch_dtype: "float32",
    ...(pooler ? {} : { add_pooling_layer: false }),
  };
}
