// BERT against transformers: initial weights to the bit, hidden states, patterns and heads of a checkpoint in every naming, tokens masked for
// training, and ten losses with dropout.

import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  explain,
  Generator,
  manualSeed,
  ones,
  rand,
  randint,
  randn,
  saveSafetensors,
  type Tensor,
  tensor,
  zeros,
} from "../../src/index.js";
import { Bert, loadBert, maskTokens, saveBert } from "../../src/models/index.js";
import { AdamW } from "../../src/train/index.js";
import { expectClose, golden, type Packed } from "../nn/golden.js";

interface Outputs {
  config: Record<string, unknown>;
  names: Record<string, number[]>;
  ids: number[][];
  types: number[][];
  mask: number[][];
  each: Packed;
  plain: Packed;
  hiddenStates: Packed[];
  patterns: Packed[];
  pooled: Packed;
  logits: Packed;
  nextSentence: Packed;
}
const { initial, outputs, tanh, masks, training } = golden<{
  initial: Record<string, { state: Record<string, string>; next: number }>;
  outputs: Outputs;
  tanh: Packed;
  masks: { ids: number[][]; targets: number[][]; next: number };
  training: number[];
}>("bert");

const sizes = { vocabularySize: 40, layers: 2, heads: 2, width: 16, hidden: 24, context: 12 };
const TOLERANCE = 1e-5;

function checkpoint(): Record<string, Tensor> {
  const generator = new Generator(5);
  const entries = Object.entries(outputs.names).map(([name, shape]) => [name, randn(shape, { generator }).mul(0.3)]);
  return Object.fromEntries(entries);
}

function renamed(change: (name: string) => string): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(checkpoint()).map(([name, tensor]) => [change(name), tensor]));
}

/** As the files of 2018: gamma and beta, positions as a buffer, the output layer a second time. */
function published(): Record<string, Tensor> {
  const state = renamed((name) =>
    name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"),
  );
  const embedding = state["bert.embeddings.word_embeddings.weight"];
  return { ...state, "bert.embeddings.position_ids": zeros(1, 12), "cls.predictions.decoder.weight": embedding };
}

const ids = tensor(outputs.ids);
const call = { tokenTypes: tensor(outputs.types), attentionMask: tensor(outputs.mask) };

describe("BERT draws what transformers draws", () => {
  const heads: Record<string, object> = {
    BertModel: { maskedHead: false },
    BertForMaskedLM: { pooler: false },
    BertForPreTraining: { nextSentenceHead: true },
  };
  for (const [name, { state: want, next }] of Object.entries(initial)) {
    it(name, () => {
      manualSeed(3);
      const model = new Bert({ ...sizes, ...heads[name] });
      expect(rand(1).item()).toBe(next);
      const { state } = model.toHuggingFace();
      const hashes = Object.entries(state).map(([key, t]) => {
        const bytes = new Uint8Array((t.dataSync() as Float32Array).buffer);
        return [
          name === "BertModel" ? key.replace("bert.", "") : key,
          createHash("sha256").update(bytes).digest("hex").slice(0, 16),
        ];
      });
      expect(Object.fromEntries(hashes)).toEqual(want);
    });
  }
});

describe("a Hugging Face BERT gives the numbers of transformers", () => {
  const variants = {
    "saved by transformers": checkpoint(),
    "as published": published(),
    "with the output layer's bias under its other name": renamed((n) =>
      n.replace("cls.predictions.bias", "cls.predictions.decoder.bias"),
    ),
  };
  for (const [name, state] of Object.entries(variants)) {
    it(name, () => {
      const model = Bert.fromHuggingFace(outputs.config, state);
      const output = model.forward(ids, call);
      outputs.hiddenStates.forEach((want, i) => expectClose(`hidden ${i}`, output.hiddenStates[i], want, TOLERANCE));
      outputs.patterns.forEach((want, i) => expectClose(`pattern ${i}`, output.patterns[i], want, TOLERANCE));
      expect(output.lastHidden).toBe(output.hiddenStates[2]);
      expectClose("pooled", output.pooled, outputs.pooled, TOLERANCE);
      expectClose("logits", model.logits(output.lastHidden), outputs.logits, TOLERANCE);
      expectClose("next sentence", model.nextSentence(output.pooled), outputs.nextSentence, TOLERANCE);
      const causal = ones(8, 8).tril().expand(2, 8, 8).mul(call.attentionMask.unsqueeze(1));
      const each = model.forward(ids, { attentionMask: causal.int() });
      expectClose("each query's own mask", each.lastHidden, outputs.each, TOLERANCE);
      expectClose("without options", model.forward(ids).lastHidden, outputs.plain, TOLERANCE);
    });
  }

  it("an encoder alone, without prefix and heads", () => {
    const encoder = Object.entries(checkpoint()).filter(([name]) => name.startsWith("bert."));
    const state = new Map(encoder.map(([name, t]) => [name.slice(5), t]));
    const model = Bert.fromHuggingFace(outputs.config, state);
    const output = model.forward(ids, { ...call, attentionMask: call.attentionMask.bool() });
    expectClose("pooled", output.pooled, outputs.pooled, TOLERANCE);
    expect(() => model.logits(output.lastHidden)).toThrow(
      "Bert.logits: expected a model with a head for masked tokens",
    );
    expect(() => model.nextSentence(output.pooled)).toThrow("head for the next sentence");
    expect(model.toHuggingFace().config.architectures).toEqual(["BertModel"]);
  });

  it("with GELU's tanh approximation and another epsilon", () => {
    const config = { ...outputs.config, hidden_act: "gelu_new", layer_norm_eps: 1e-5 };
    const model = Bert.fromHuggingFace(config, checkpoint());
    expectClose("logits", model.logits(model.forward(ids, call).lastHidden), tanh, TOLERANCE);
  });

  it("and is written as it was read", () => {
    const original = checkpoint();
    const { config, state } = Bert.fromHuggingFace(outputs.config, original).toHuggingFace();
    expect(Object.keys(state).sort()).toEqual(Object.keys(original).sort());
    for (const [name, t] of Object.entries(original)) expect(state[name].toArray(), name).toEqual(t.toArray());
    for (const [key, value] of Object.entries(config))
      if (key in outputs.config && key !== "architectures") expect(value, key).toEqual(outputs.config[key]);
    const model = Bert.fromHuggingFace(config, state);
    expectClose("logits", model.logits(model.forward(ids, call).lastHidden), outputs.logits, TOLERANCE);
  });
});

describe("a folder of Hugging Face", () => {
  const words = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    ...Array.from({ length: 36 }, (_, i) => String.fromCodePoint(0x4e00 + i)),
  ];

  it("is loaded as it lies there, and written as it was", async () => {
    const folder = mkdtempSync(join(tmpdir(), "bert-"));
    await saveSafetensors(join(folder, "model.safetensors"), published());
    writeFileSync(join(folder, "config.json"), JSON.stringify(outputs.config));
    writeFileSync(join(folder, "vocab.txt"), `${words.join("\n")}\n`);
    writeFileSync(join(folder, "tokenizer_config.json"), '{"do_lower_case": false}');
    const loaded = await loadBert(folder);
    expect(loaded.tokenizer.lowercase).toBe(false);
    expect([...loaded.tokenizer.encode("一丁")]).toEqual([2, 4, 5, 3]);
    expectClose("pooled", loaded.model.forward(ids, call).pooled, outputs.pooled, TOLERANCE);
    await saveBert(join(folder, "again"), loaded);
    const again = await loadBert(join(folder, "again"));
    expect(again.tokenizer.encodePair("一", "丁a")).toEqual(loaded.tokenizer.encodePair("一", "丁a"));
    expectClose("pooled", again.model.forward(ids, call).pooled, outputs.pooled, TOLERANCE);
    rmSync(join(folder, "vocab.txt"));
    await expect(loadBert(folder)).rejects.toThrow("tokenizer.json or vocab.txt");
    writeFileSync(join(folder, "config.json"), "{");
    await expect(loadBert(folder)).rejects.toThrow("to be JSON");
    rmSync(folder, { recursive: true });
    await expect(loadBert(folder)).rejects.toThrow("loadBert: expected config.json in");
  });
});

describe("BERT in training", () => {
  it("masks what transformers masks", () => {
    manualSeed(8);
    const given = randint(4, 40, [6, 12]);
    const special = given.remainder(5).eq(0);
    const masked = maskTokens(given, { maskId: 3, vocabularySize: 40, special });
    expect(masked.ids.toArray()).toEqual(masks.ids);
    expect(masked.targets.toArray()).toEqual(masks.targets);
    expect(rand(1).item()).toBe(masks.next);
  });

  it("has ten losses of transformers, dropout included", () => {
    manualSeed(11);
    const model = new Bert({ ...sizes, pooler: false });
    const optimizer = new AdamW(model.parameters(), { learningRate: 3e-3, weightDecay: 0.01 });
    const steps = tensor([...Array(12).keys()]);
    const losses = training.map(() => {
      const start = randint(4, 40, [4, 1]);
      const { ids, targets } = maskTokens(start.add(steps).remainder(36).add(4), { maskId: 3, vocabularySize: 40 });
      const loss = model.loss(ids, targets);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss.item();
    });
    losses.forEach((loss, i) => expect(Math.abs(loss - training[i]), `step ${i}`).toBeLessThan(1e-4));
  });
});

describe("BERT", () => {
  it("runs its attention fused, padding and all, unless a pattern is asked for", () => {
    const model = new Bert(sizes).eval();
    const output = model.forward(ids, call);
    const text = explain(output.lastHidden);
    expect(text.match(/^ *\S* *attention/gm)).toHaveLength(2);
    expect(text).not.toMatch(/softmax|exp\(/);
  });

  it("masks none or all for shares of 0 and 1", () => {
    const given = tensor([[5, 6, 7, 8]]);
    const share = (probability: number) => maskTokens(given, { maskId: 3, vocabularySize: 40, probability }).targets;
    expect(share(0).toArray()).toEqual([[-100, -100, -100, -100]]);
    expect(share(1).toArray()).toEqual(given.toArray());
  });

  it("says what is wrong", () => {
    const model = new Bert({ ...sizes, pooler: false });
    expect(() => model.forward(ones(2, 3))).toThrow("Bert: expected token ids i32[B,T], got f32[2,3]");
    expect(() => model.forward(tensor([new Array(13).fill(1)]))).toThrow("at most 12 positions");
    expect(() => model.forward(ids, { tokenTypes: tensor([[1]]) })).toThrow(
      "tokenTypes [2,8], as the ids, got i32[1,1]",
    );
    const mask = { attentionMask: ones(8, 8) };
    expect(() => model.forward(ids, mask)).toThrow(
      "attentionMask [2,8] or [2,8,8], true or 1 where to look, got f32[8,8]",
    );
    expect(() => model.forward(ids).pooled).toThrow("make it with pooler: true");
    expect(() => new Bert({ ...sizes, heads: 3 })).toThrow("a width that the heads divide");
    expect(() => new Bert({ ...sizes, layers: 0 })).toThrow("layers a whole number of at least 1, got 0");
    expect(() => new Bert({ ...sizes, dropout: 2 })).toThrow("dropout a probability from 0 to 1");
    expect(() => new Bert({ ...sizes, nextSentenceHead: true, pooler: false })).toThrow("pass pooler: true");
    expect(() => maskTokens(ones(2, 2), { maskId: 3, vocabularySize: 40 })).toThrow("maskTokens: expected token ids");
    const attempt = (change: object) => () => Bert.fromHuggingFace({ ...outputs.config, ...change }, checkpoint());
    expect(attempt({ model_type: "gpt2" })).toThrow('model_type "bert", got gpt2');
    expect(attempt({ hidden_act: "relu" })).toThrow("hidden_act gelu");
    expect(attempt({ is_decoder: true })).toThrow("is_decoder false, got true");
    expect(attempt({ vocab_size: undefined })).toThrow("without vocab_size");
    const broken = { ...published(), "bert.encoder.layer.7.x": zeros(1) };
    delete (broken as Record<string, Tensor>)["bert.embeddings.LayerNorm.gamma"];
    expect(() => Bert.fromHuggingFace(outputs.config, broken)).toThrow("missing: bert.embeddings.LayerNorm.weight");
    expect(() => Bert.fromHuggingFace(outputs.config, broken)).toThrow("unexpected: bert.encoder.layer.7.x");
  });
});
