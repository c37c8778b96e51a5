// What a GPT is made of, as config.json holds it: sizes, checked before anything is allocated.

import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, type OptionTable } from "../base/options.js";
import { checkLayers } from "../nn/check.js";

/** The sizes of a `GPT`. */
export interface GPTConfig {
  /** V: token ids are 0 to V - 1. */
  vocabularySize: number;
  /** The most positions the model sees at once. */
  context: number;
  /** L */
  layers: number;
  /** H, which divides the width. */
  heads: number;
  /** C */
  width: number;
  /** Probability of dropout in training, everywhere; 0. */
  dropout?: number;
  /** What LayerNorm adds to the variance; 1e-5. */
  normEpsilon?: number;
}

const GPT: OptionTable<GPTConfig> = {
  vocabularySize: CHECKED,
  context: CHECKED,
  layers: CHECKED,
  heads: CHECKED,
  width: CHECKED,
  dropout: CHECKED,
  normEpsilon: CHECKED,
};

/** What the configurations of others call these sizes. */
export const CONFIG_REMEDIES = {
  vocabSize: "vocabularySize",
  blockSize: "context",
  maxPositionEmbeddings: "context",
  nLayer: "layers",
  numLayers: "layers",
  nHead: "heads",
  numHeads: "heads",
  nEmbd: "width",
  hiddenSize: "width",
  dModel: "width",
};

/** @throws HeedError for names that GPT does not know: a configuration written by hand; in files, checkGPTConfig leaves them out */
export function checkGPTNames(config: GPTConfig): void {
  checkOptions("GPT", config, GPT, CONFIG_REMEDIES);
}

const SIZES = ["vocabularySize", "context", "layers", "heads", "width"] as const;
const MOST_NUMBERS = 2 ** 31 - 1; // of one tensor

/**
 * The complete, frozen configuration in `json`; fields it does not know are left out.
 * @throws HeedError for anything but an object with sizes that make a model
 */
export function checkGPTConfig(json: unknown): Readonly<Required<GPTConfig>> {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    fail("GPT", "a configuration with vocabularySize, context, layers, heads and width", kindOf(json));
  }
  const given = json as Record<string, unknown>;
  const missing = SIZES.filter((name) => !Object.hasOwn(given, name));
  if (missing.length > 0) fail("GPT", `a configuration with ${SIZES.join(", ")}`, `one without ${missing.join(", ")}`);
  const [vocabularySize, context, layers, heads, width] = SIZES.map((name) => whole(name, given[name]));
  if (width % heads !== 0) {
    const near = nearest(width, heads);
    fail("GPT", "a width that the heads divide", `width ${width} and ${heads} heads`, `take a width of ${near}`);
  }
  checkLayers("GPT", layers);
  const largest = Math.max(vocabularySize, context, 4 * width) * width;
  if (largest > MOST_NUMBERS) fail("GPT", "weights of fewer than 2^31 numbers each", `one of ${largest}`);
  const dropout = real("dropout", given.dropout ?? 0, (p) => p >= 0 && p <= 1, "a probability from 0 to 1");
  const normEpsilon = real("normEpsilon", given.normEpsilon ?? 1e-5, (e) => e > 0 && e < 1, "between 0 and 1");
  return Object.freeze({ vocabularySize, context, layers, heads, width, dropout, normEpsilon });
}

function whole(name: string, value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 1) return value;
  return fail("GPT", `${name} a whole number of at least 1`, typeof value === "number" ? String(value) : kindOf(value));
}

function real(name: string, value: unknown, holds: (x: number) => boolean, range: string): number {
  if (typeof value === "number" && holds(value)) return value;
  return fail("GPT", `${name} ${range}`, typeof value === "number" ? String(value) : kindOf(value));
}

function nearest(width: number, heads: number): string {
  const below = Math.floor(width / heads) * heads;
  return below === 0 ? String(heads) : `${below} or ${below + heads}`;
}

function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "a list" : `a ${typeof value}`;
}

/**
 * The configuration that a config.json of Hugging Face describes, published ones of transformers 4 and those of 5 alike.
 * @throws HeedError for another architecture, and for options of GPT-2 that this model has not
 */
export function configFromHuggingFace(json: unknown): Readonly<Required<GPTConfig>> {
  const op = "GPT.fromHuggingFace";
  if (typeof json !== "object" || json === null) fail(op, "the object of a config.json", kindOf(json));
  const given = json as Record<string, unknown>;
  if (given.model_type !== undefined && given.model_type !== "gpt2")
    fail(op, 'model_type "gpt2"', String(given.model_type));
  const width = given.n_embd as number;
  const only = (name: string, allowed: readonly unknown[]) => {
    if (given[name] !== undefined && !allowed.includes(given[name]))
      fail(op, `${name} ${allowed[0]}`, String(given[name]));
  };
  only("activation_function", ["gelu_new", "gelu_pytorch_tanh"]);
  only("n_inner", [null, 4 * width]);
  only("scale_attn_weights", [true]);
  only("scale_attn_by_inverse_layer_idx", [false]);
  only("add_cross_attention", [false]);
  only("tie_word_embeddings", [true]);
  const context = given.n_positions ?? given.n_ctx;
  const { vocab_size: vocabularySize, n_layer: layers, n_head: heads, resid_pdrop, layer_norm_epsilon } = given;
  const named = { vocab_size: vocabularySize, n_positions: context, n_layer: layers, n_head: heads, n_embd: width };
  const missing = Object.entries(named).filter(([, value]) => value === undefined);
  if (missing.length > 0)
    fail(
      op,
      `a config.json with ${Object.keys(named).join(", ")}`,
      `one without ${missing.map(([n]) => n).join(", ")}`,
    );
  return checkGPTConfig({
    vocabularySize,
    context,
    layers,
    heads,
    width,
    dropout: resid_pdrop,
    normEpsilon: layer_norm_epsilon,
  });
}

/** The config.json that transformers reads. */
export function configToHuggingFace(config: Readonly<Required<GPTConfig>>): Record<string, unknown> {
  return {
    architectures: ["GPT2LMHeadModel"],
    model_type: "gpt2",
    vocab_size: config.vocabularySize,
    n_positions: config.context,
    n_ctx: config.context,
    n_embd: config.width,
    n_layer: config.layers,
    n_head: config.heads,
    activation_function: "gelu_new",
    layer_norm_epsilon: config.normEpsilon,
    attn_pdrop: config.dropout,
    embd_pdrop: config.dropout,
    resid_pdrop: config.dropout,
    tie_word_embeddings: true,
    torch_dtype: "float32",
  };
}
