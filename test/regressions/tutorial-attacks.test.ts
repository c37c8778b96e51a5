// What careless and hostile users of the tutorials' parts found.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { adaptiveAvgPool1d, maxPool1d, ones, padSequence, tensor } from "../../src/index.js";
import { Bert, GPT, loadBert, saveBert } from "../../src/models/index.js";
import { WordPieceTokenizer } from "../../src/text/index.js";
import { DataLoader, Subset, TensorDataset } from "../../src/train/index.js";

const folder = mkdtempSync(join(tmpdir(), "heed-attack-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a config that says far more than the checkpoint holds is refused before the model is built", async () => {
  const bert = new Bert({ vocabularySize: 8, layers: 1, heads: 2, width: 4, hidden: 8, context: 16 });
  const { config, state } = bert.toHuggingFace();
  const large = { hidden_size: 8192, num_hidden_layers: 4096, intermediate_size: 32768, num_attention_heads: 8 };
  expect(() => Bert.fromHuggingFace({ ...config, ...large }, state)).toThrow("as its config says");
  const gpt = new GPT({ vocabularySize: 8, context: 4, layers: 1, heads: 2, width: 4 }).toHuggingFace();
  const wide = { ...gpt.config, n_embd: 8192, n_layer: 4096, n_head: 8 };
  expect(() => GPT.fromHuggingFace(wide, gpt.state)).toThrow("as its config says");
});

test("a folder with vocab.txt is read as its tokenizer_config.json says, and refused where that says nothing", async () => {
  const words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "abç", "abc", "ABC"];
  const model = new Bert({ vocabularySize: words.length, layers: 1, heads: 2, width: 4, hidden: 8, context: 16 });
  await saveBert(folder, { model, tokenizer: WordPieceTokenizer.fromVocabulary(words) });
  rmSync(join(folder, "tokenizer.json"));
  writeFileSync(join(folder, "vocab.txt"), `\uFEFF${words.join("\n")}\n`);
  const idOf = async (settings: string, text: string) => {
    writeFileSync(join(folder, "tokenizer_config.json"), settings);
    return [...(await loadBert(folder)).tokenizer.encode(text)][1];
  };
  expect(await idOf("{}", "ABÇ")).toBe(6);
  expect(await idOf('{"strip_accents": false}', "ABÇ")).toBe(5);
  expect(await idOf('{"do_lower_case": false}', "ABC")).toBe(7);
  await expect(idOf('{"do_lower_case": "false"}', "ABC")).rejects.toThrow("true or false for do_lower_case");
  await expect(idOf("{", "ABC")).rejects.toThrow("tokenizer_config.json");
  await expect(idOf("null", "ABC")).rejects.toThrow("an object in tokenizer_config.json");
  expect(readFileSync(join(folder, "vocab.txt"), "utf8").startsWith("\uFEFF")).toBe(true);
});

test("a data set's own samples count, though it inherits a way to make batches", () => {
  class Hundredfold extends TensorDataset {
    override get(index: number) {
      const [x, ...rest] = super.get(index);
      return [x.mul(100), ...rest] as ReturnType<TensorDataset["get"]>;
    }
  }
  const own = new Hundredfold(ones(3, 1), tensor([1, 2, 3]));
  const first = (dataset: TensorDataset | Subset<unknown>) => {
    const [[x]] = [...new DataLoader(dataset as TensorDataset, { batchSize: 3 })];
    return x.toArray();
  };
  expect(first(own)).toEqual([[100], [100], [100]]);
  expect(first(new Subset(own, [0, 2]))).toEqual([[100], [100]]);
  expect(first(new TensorDataset(ones(3, 1), tensor([1, 2, 3])))).toEqual([[1], [1], [1]]);
});

test("with ceilMode a window may be longer than its padded axis", () => {
  const pooled = maxPool1d(tensor([[[3.5]]]), 5, { stride: 3, padding: 1, ceilMode: true });
  expect(pooled.toArray()).toEqual([[[3.5]]]);
  expect(() => maxPool1d(tensor([[[3.5]]]), 5, { stride: 3, padding: 1 })).toThrow("a kernel of at most [3]");
});

test("an Infinity stays in its own stretch", () => {
  const pooled = adaptiveAvgPool1d(tensor([[[1, 2, 3, 4, Infinity]]]), 2); // 1 2 3, and 3 4 Infinity
  expect(pooled.toArray()).toEqual([[[2, Infinity]]]);
});

test("padding is a number that the dtype holds", () => {
  expect(() => padSequence([tensor([1]), tensor([1, 2])], { paddingValue: 1e10 })).toThrow("a number that i32 holds");
  expect(() => padSequence([tensor([true])], { paddingValue: 0.5 })).toThrow("a number that bool holds");
});
