// A BERT checkpoint's names: those of transformers, with or without `bert.` in front, and those of the published files of 2018, whose
// LayerNorms have gamma and beta.

import type { StateDict } from "../nn/state.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkpointOf, exportState, type Foreign, type NameMap } from "./name-map.js";

/** The checkpoint's tensors under today's names, how to read them, and which heads it has. */
export function bertNames(state: StateDict | ReadonlyMap<string, Tensor>): {
  entries: StateDict;
  foreign: Foreign;
  heads: { pooler: boolean; maskedHead: boolean; nextSentenceHead: boolean };
} {
  const pairs = Object.entries(checkpointOf("Bert.fromHuggingFace", state));
  const entries: StateDict = Object.fromEntries(pairs.map(([name, tensor]) => [today(name), tensor]));
  // The output layer's bias is stored under two names or one of them.
  entries["cls.predictions.bias"] ??= entries["cls.predictions.decoder.bias"];
  if (entries["cls.predictions.bias"] === undefined) delete entries["cls.predictions.bias"];
  const has = (part: string) => Object.keys(entries).some((name) => name.startsWith(part));
  const pooler = has("bert.pooler.");
  const heads = {
    pooler,
    maskedHead: has("cls.predictions."),
    nextSentenceHead: pooler && has("cls.seq_relationship."),
  };
  return { entries, foreign: HUGGING_FACE, heads };
}

function today(name: string): string {
  const current = name.replace(/\.gamma$/, ".weight").replace(/\.beta$/, ".bias");
  return /^(bert|cls)\./.test(current) ? current : `bert.${current}`;
}

/** A model's state dict under transformers' names. */
export function exportBert(own: StateDict): StateDict {
  return exportState(own, HUGGING_FACE);
}

const both = (own: string, theirs: string): NameMap => ({
  [`${own}.weight`]: `${theirs}.weight`,
  [`${own}.bias`]: `${theirs}.bias`,
});

const HUGGING_FACE: Foreign = {
  prefix: "",
  // Tied to the embedding and the bias above; positions 0, 1, 2, ... as a buffer; a head without the pooler that it reads.
  ignored: /^(cls\.predictions\.decoder\.(weight|bias)|bert\.embeddings\.position_ids|cls\.seq_relationship\..*)$/,
  map: {
    "tokens.weight": "bert.embeddings.word_embeddings.weight",
    "positions.weight": "bert.embeddings.position_embeddings.weight",
    "tokenTypes.weight": "bert.embeddings.token_type_embeddings.weight",
    ...both("norm", "bert.embeddings.LayerNorm"),
    ...both("blocks.*.attention.query", "bert.encoder.layer.*.attention.self.query"),
    ...both("blocks.*.attention.key", "bert.encoder.layer.*.attention.self.key"),
    ...both("blocks.*.attention.value", "bert.encoder.layer.*.attention.self.value"),
    ...both("blocks.*.attention.output", "bert.encoder.layer.*.attention.output.dense"),
    ...both("blocks.*.attentionNorm", "bert.encoder.layer.*.attention.output.LayerNorm"),
    ...both("blocks.*.feedForward.expand", "bert.encoder.layer.*.intermediate.dense"),
    ...both("blocks.*.feedForward.contract", "bert.encoder.layer.*.output.dense"),
    ...both("blocks.*.feedForwardNorm", "bert.encoder.layer.*.output.LayerNorm"),
    ...both("pooler", "bert.pooler.dense"),
    "maskedHead.bias": "cls.predictions.bias",
    ...both("maskedHead.dense", "cls.predictions.transform.dense"),
    ...both("maskedHead.norm", "cls.predictions.transform.LayerNorm"),
    ...both("nextSentenceHead", "cls.seq_relationship"),
  },
};
