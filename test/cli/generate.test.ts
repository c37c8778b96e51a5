import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { saveSafetensors } from "../../src/index.js";
import { loadRun } from "../../src/train/index.js";
import { heed, RHYME, TINY, temporaryFolder } from "./support.js";

const root = temporaryFolder();
const run = join(root, "run");
const generate = (...words: string[]) => heed(["generate", run, ...words]);

beforeAll(async () => {
  writeFileSync(join(root, "rhyme.txt"), RHYME);
  const { code } = await heed(`train ${join(root, "rhyme.txt")} --out ${run} ${TINY} --steps 2 --quiet`);
  expect(code).toBe(0);
});

describe("heed generate", () => {
  it("writes the prompt and as many tokens as asked, the same for the same seed", async () => {
    const first = await generate("--prompt", "once I", "--tokens", "30");
    expect(first).toMatchObject({ code: 0, err: "" });
    expect(first.out).toMatch(/^once I[\s\S]{30}\n$/);
    expect(await generate("--prompt", "once I", "--tokens", "30", "--seed", "1")).toEqual(first);
    expect((await generate("--prompt", "once I", "--tokens", "30", "--seed", "2")).out).not.toBe(first.out);
    expect((await generate("--prompt", "once I", "--tokens", "0")).out).toBe("once I\n");
    const greedy = await generate(
      "--prompt",
      "one",
      "--temperature",
      "0",
      "--tokens",
      "9",
      "--top-k",
      "0",
      "--top-p",
      "1",
    );
    expect(await generate("--prompt", "one", "--temperature", "0", "--tokens", "9", "--seed", "5")).toEqual(greedy);
  });

  it("takes a GPT-2 as Hugging Face keeps it, in one file or in shards", async () => {
    const folder = join(root, "huggingface");
    const { model, tokenizer } = await loadRun(run);
    const { config, state } = model.toHuggingFace();
    mkdirSync(folder);
    writeFileSync(join(folder, "config.json"), JSON.stringify(config));
    writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(tokenizer.toJSON()));
    await saveSafetensors(join(folder, "model.safetensors"), state);
    const words = ["--prompt", "one two", "--tokens", "9", "--temperature", "0"];
    const expected = await generate(...words);
    expect(await heed(["generate", folder, ...words])).toEqual(expected);
    await saveSafetensors(join(folder, "model.safetensors"), state, { maxShardBytes: 4000 });
    expect(existsSync(join(folder, "model.safetensors"))).toBe(false);
    expect(await heed(["generate", folder, ...words])).toEqual(expected);
    writeFileSync(join(folder, "config.json"), JSON.stringify({ ...config, model_type: "llama" }));
    expect((await heed(["generate", folder])).err).toContain('expected model_type "gpt2", got llama (in');
  });

  it("begins by itself without a prompt, and goes past the context", async () => {
    expect((await generate("--tokens", "40")).out.length).toBe(41);
    expect((await generate("--prompt", "", "--tokens", "5")).out.length).toBe(6);
    expect(
      (await generate("--prompt", "one two three four five, once I caught a fish", "--tokens", "5")).out.length,
    ).toBe(51);
  });

  it("streams token by token in a terminal and when asked", async () => {
    const parts: string[] = [];
    const stdout = { write: (text: string) => parts.push(text) };
    const words = ["generate", run, "--prompt", "one", "--tokens", "6"];
    await heed([...words, "--stream"], { stdout });
    expect(parts.filter((part) => part.length === 1 && part !== "").length).toBeGreaterThanOrEqual(6);
    const streamed = parts.join("");
    expect((await heed(words)).out).toBe(streamed);
    parts.length = 0;
    await heed(words, { stdout: { ...stdout, isTTY: true } });
    expect(parts.join("")).toBe(streamed);
    expect(parts.length).toBeGreaterThan(6);
    parts.length = 0;
    await heed(words, { stdout });
    expect(parts).toEqual([streamed]);
  });

  it("writes whole characters with a byte-level BPE", async () => {
    const text = join(root, "poem.txt");
    writeFileSync(text, "床前明月光，疑是地上霜。舉頭望明月，低頭思故鄉。\n".repeat(40));
    const out = join(root, "poem");
    await heed(`train ${text} --out ${out} ${TINY} --tokenizer bpe:280 --steps 1 --quiet`);
    const { code, out: written } = await heed(["generate", out, "--prompt", "明月", "--tokens", "12", "--stream"]);
    expect(code).toBe(0);
    expect(written.startsWith("明月")).toBe(true);
  });
});

describe("heed generate says what is wrong with", () => {
  const damaged = (change: (folder: string) => void): string => {
    const folder = join(root, `damaged${Math.random()}`);
    cpSync(run, folder, { recursive: true });
    change(folder);
    return folder;
  };
  const cut = (name: string, keep: number) => (folder: string) => {
    const bytes = readFileSync(join(folder, name));
    writeFileSync(join(folder, name), bytes.subarray(0, keep < 0 ? bytes.length + keep : keep));
  };
  const edit = (name: string, from: string, to: string) => (folder: string) => {
    const text = readFileSync(join(folder, name), "utf8");
    writeFileSync(join(folder, name), text.replace(from, to));
  };

  it.each<[string, () => string, string]>([
    [
      "a folder that is not there",
      () => join(root, "nowhere"),
      "nowhere, which does not exist; give the folder that heed train wrote",
    ],
    [
      "an empty folder",
      () => mkdirSync(join(root, "empty"), { recursive: true }) ?? join(root, "empty"),
      "config.json, model.safetensors, tokenizer.json, got",
    ],
    ["a file", () => join(root, "rhyme.txt"), "rhyme.txt, which is no folder"],
    [
      "a folder of other things",
      () => root,
      "expected a run folder with config.json, model.safetensors, tokenizer.json",
    ],
    [
      "no weights",
      () => damaged((f) => rmSync(join(f, "model.safetensors"))),
      "expected a run folder with model.safetensors, got",
    ],
    ["cut weights", () => damaged(cut("model.safetensors", -7)), "the file is cut"],
    ["no header", () => damaged(cut("model.safetensors", 5)), "the file is truncated or not a safetensors file"],
    ["a cut header", () => damaged(cut("model.safetensors", 50)), "the file is truncated or not a safetensors file"],
    ["a cut config", () => damaged(cut("config.json", 30)), "load: expected valid JSON"],
    [
      "a foreign config",
      () => damaged((f) => writeFileSync(join(f, "config.json"), "{}")),
      "without vocabularySize, context",
    ],
    [
      "another model's config",
      () => damaged(edit("config.json", '"width": 16', '"width": 32')),
      "misshapen: tokens.weight",
    ],
    [
      "more layers than weights",
      () => damaged(edit("config.json", '"layers": 1', '"layers": 2')),
      "missing: blocks.1.",
    ],
    ["a cut tokenizer", () => damaged(cut("tokenizer.json", 100)), "tokenizer.json: expected JSON"],
    [
      "a foreign tokenizer",
      () => damaged((f) => writeFileSync(join(f, "tokenizer.json"), "[]")),
      "expected the file to be an object",
    ],
  ])("%s", async (_, folder, message) => {
    const { code, out, err } = await heed(["generate", folder(), "--prompt", "one"]);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch(/^heed: [^\n]*\n$/);
    expect(err).toContain(message);
  });

  it("a prompt with characters the model does not know", async () => {
    const { code, out, err } = await generate("--prompt", "oné twö");
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toContain('expected characters of the vocabulary (21 characters), got "é" (U+00E9) at index 2, "ö"');
  });
});
