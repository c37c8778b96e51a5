import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fail } from "../../src/base/errors.js";
import { stageFile } from "../../src/tensor/safetensors-atomic.js";
import type { Stage } from "../../src/train/run-folder.js";
import { heed, metricsOf, RHYME, TINY, temporaryFolder } from "./support.js";

const root = temporaryFolder();
const text = join(root, "rhyme.txt");
writeFileSync(text, RHYME);
let runs = 0;
const newRun = () => join(root, `run${runs++}`);
const train = (out: string, more = "", options = {}) =>
  heed(`train ${text} --out ${out} ${TINY} ${more}`.trim(), options);
const bytesOf = (out: string, file: string) => readFileSync(join(out, file)).toString("base64");
const FILES = [
  "config.json",
  "loss.svg",
  "metrics.jsonl",
  "model.safetensors",
  "tokenizer.json",
  "training.safetensors",
];

describe("heed train", () => {
  it("makes a run folder that holds everything, and says so", async () => {
    const out = newRun();
    const also = join(root, "also.jsonl");
    const result = await train(
      out,
      `--steps 30 --eval-every 10 --save-every 20 --learning-rate 1e-2 --metrics ${also}`,
    );
    expect(result).toMatchObject({ code: 0, err: "" });
    expect(result.out).toContain("2,438 characters, 2,438 tokens of 21 kinds; a GPT of");
    expect(result.out).toContain("Training to step 30");
    expect(result.out).toMatch(/30\/30 {2}loss \d\.\d{4} {2}val \d\.\d{4}/);
    expect(result.out).toMatch(/Trained in 0:\d\d: loss \d\.\d{4}, \d\.\d{4} on held-back text/);
    expect(result.out).toContain(`heed generate ${out} --prompt `);
    expect(readdirSync(out).sort()).toEqual(FILES);
    expect(readFileSync(also, "utf8")).toBe(readFileSync(join(out, "metrics.jsonl"), "utf8"));
    const metrics = metricsOf(also);
    expect(metrics.map(({ step }) => step)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    expect(metrics.filter((m) => m.validationLoss !== undefined).map((m) => m.step)).toEqual([10, 20, 30]);
    expect(metrics[29].loss).toBeLessThan(metrics[0].loss - 0.3);
    expect(metrics[1].learningRate).toBeCloseTo(2e-2 / 3, 10);
    expect(metrics.every(({ gradientNorm }) => gradientNorm > 0)).toBe(true);
    expect(readFileSync(join(out, "loss.svg"), "utf8")).toContain("at step 30");
    expect(JSON.parse(readFileSync(join(out, "config.json"), "utf8"))).toMatchObject({
      model: "GPT",
      width: 16,
      layers: 1,
    });
    const written = await heed(["generate", out, "--prompt", "one two", "--tokens", "20"]);
    expect(written).toMatchObject({ code: 0, err: "" });
    expect(written.out).toMatch(/^one two[\s\S]{20}\n$/);
  });

  it("leaves no file open where the metrics cannot go to a second one", async () => {
    const out = newRun();
    const { code, err } = await train(out, `--steps 2 --metrics ${join(root, "m".repeat(250))}`); // too long for a name beside it
    expect(code).toBe(1);
    expect(err).toContain("to be able to write");
    const target = (file: string) => {
      try {
        return readlinkSync(`/dev/fd/${file}`); // where the system has it
      } catch {
        return "";
      }
    };
    expect(readdirSync("/dev/fd").filter((file) => target(file).startsWith(out))).toEqual([]);
  });

  it("looks at --metrics and --out before anything is made: a file of something else is not written over", async () => {
    const out = newRun();
    const notes = join(root, "notes.txt");
    writeFileSync(notes, "keep me\n");
    const foreign = await train(out, `--steps 2 --metrics ${notes}`);
    expect(foreign.code).toBe(1);
    expect(foreign.err).toContain(
      `--metrics: expected a new file, or one of metrics, got ${notes}, which holds something else; give another file`,
    );
    expect(readFileSync(notes, "utf8")).toBe("keep me\n");
    expect((await train(out, `--steps 2 --metrics ${join(root, "none", "m.jsonl")}`)).err).toContain("make it first");
    expect((await train(out, `--steps 2 --metrics ${root}`)).err).toContain("expected a file, got the folder");
    expect((await train(out, "--steps 2 --metrics -")).err).toContain(
      "expected a file, got -; /dev/stdout prints them",
    );
    expect(existsSync(out)).toBe(false);
    const nowhere = await heed(["train", text, "--out", ""]);
    expect(nowhere).toMatchObject({ code: 2, err: 'heed: train --out: expected a path, got ""\n' });
  });

  it("does not try for ever where no folder can be made", async () => {
    const out = existsSync("/proc/self") ? "/proc/heed-run" : join(text, "run");
    expect((await train(out, "--steps 1")).err).toMatch(/expected (?:to be able to make|a folder at) /);
  });

  it("goes on with a run or replaces it, not both", async () => {
    const out = newRun();
    const both = await train(out, "--steps 1 --resume --overwrite");
    expect(both.code).toBe(2);
    expect(both.err).toContain("expected either --resume, which goes on with a run, or --overwrite");
  });

  it("says how to resume a run whose text has moved", async () => {
    const [out, here, there] = [newRun(), join(root, "here.txt"), join(root, "there.txt")];
    writeFileSync(here, RHYME);
    expect((await heed(`train ${here} --out ${out} ${TINY} --steps 1`)).code).toBe(0);
    cpSync(here, there);
    rmSync(here);
    expect((await heed(`train --resume --out ${out} --steps 2`)).err).toContain(
      `at ${here}, got nothing there; say where it is now: heed train <text> --resume --out <folder>`,
    );
    expect((await heed(`train ${there} --resume --out ${out} --steps 2`)).code).toBe(0);
  });

  it("goes on after Ctrl-C, twice, bit for bit as if never stopped", async () => {
    const [whole, parts] = [newRun(), newRun()];
    const flags = "--steps 12 --eval-every 5 --save-every 4 --dropout 0.2 --accumulate 2";
    expect((await train(whole, flags)).code).toBe(0);
    const first = await train(parts, flags, { stopAtStep: 1 });
    expect(first.code).toBe(130);
    expect(first.out).toContain("Stopping after this step");
    expect(first.out).toContain(`Stopped and saved at step 1. To go on: npx heed train --resume --out ${parts}`);
    expect(readdirSync(parts).sort()).toEqual(FILES);
    expect((await heed(`train --resume --out ${parts}`, { stopAtStep: 2 })).code).toBe(130);
    const last = await heed(`train --resume --out ${parts}`);
    expect(last.out).toContain("Going on from step 2 to 12");
    expect(metricsOf(join(parts, "metrics.jsonl"))).toEqual(metricsOf(join(whole, "metrics.jsonl")));
    for (const file of ["model.safetensors", "training.safetensors", "loss.svg"]) {
      expect(bytesOf(parts, file), file).toBe(bytesOf(whole, file));
    }
    const again = await heed(`train --resume --out ${parts}`);
    expect(again).toEqual({ code: 0, out: `${parts} is at step 12 of 12; give more --steps to train on.\n`, err: "" });
  });

  it("trains a finished run further, the same as in one go where the schedule does not know its end", async () => {
    const [whole, parts] = [newRun(), newRun()];
    await train(whole, "--steps 9 --schedule constant");
    await train(parts, "--steps 4 --schedule constant");
    writeFileSync(join(parts, "metrics.jsonl"), `${readFileSync(join(parts, "metrics.jsonl"), "utf8")}{"step":5,"lo`);
    const { code, out } = await heed(`train ${text} --resume --out ${parts} --steps 9 ${TINY}`);
    expect(code).toBe(0);
    expect(out).toContain("Going on from step 4 to 9");
    expect(bytesOf(parts, "model.safetensors")).toBe(bytesOf(whole, "model.safetensors"));
    expect(metricsOf(join(parts, "metrics.jsonl")).map(({ loss }) => loss)).toEqual(
      metricsOf(join(whole, "metrics.jsonl")).map(({ loss }) => loss),
    );
  });

  it("takes a folder of texts, a byte-level BPE, and a tokenizer that is there", async () => {
    const folder = join(root, "texts");
    mkdirSync(join(folder, "more"), { recursive: true });
    writeFileSync(join(root, "elsewhere"), RHYME);
    symlinkSync(join(root, "elsewhere"), join(folder, "b.md"));
    symlinkSync(join(root, "nowhere"), join(folder, "lost.txt"));
    symlinkSync(root, join(folder, "folder.txt"));
    writeFileSync(join(folder, "a.txt"), `\ufeff${RHYME.slice(0, -1)}`);
    writeFileSync(join(folder, "more", "c.txt"), "six");
    writeFileSync(join(folder, "ignored.png"), Uint8Array.of(0, 1, 2));
    const [first, second] = [newRun(), newRun()];
    const flags = `--steps 1 --context 8 --quiet`;
    const result = await heed(`train ${folder} --out ${first} ${TINY} --tokenizer bpe:300 ${flags}`);
    expect(result).toEqual({ code: 0, out: "", err: "" });
    const { vocabularySize } = JSON.parse(readFileSync(join(first, "config.json"), "utf8"));
    expect(vocabularySize > 256 && vocabularySize <= 300).toBe(true);
    const again = await heed(`train ${folder} --out ${second} ${TINY} --tokenizer ${first} ${flags}`);
    expect(again).toEqual({ code: 0, out: "", err: "" });
    expect(bytesOf(second, "model.safetensors")).toBe(bytesOf(first, "model.safetensors"));
    const { out } = await heed(`train ${folder} --out ${newRun()} ${TINY} --steps 1`);
    expect(out).toContain(`${(2 * RHYME.length + 3).toLocaleString("en")} characters`);
  });

  it("draws a bar in a terminal and nothing when quiet", async () => {
    const out = newRun();
    expect((await train(out, "--steps 2", { terminal: true })).out).toMatch(/\r█+ 2\/2 {2}loss/);
    expect(await train(out, "--steps 2 --overwrite --quiet", { terminal: true })).toEqual({
      code: 0,
      out: "",
      err: "",
    });
  });
});

describe("heed train keeps what is there", () => {
  it("does not write over runs and other folders unless told", async () => {
    const out = newRun();
    await train(out, "--steps 2");
    const before = bytesOf(out, "training.safetensors");
    const refused = await train(out, "--steps 3");
    expect(refused).toEqual({
      code: 1,
      out: "",
      err: `heed: train: expected a new folder for a new run, got ${out}, which holds one; go on with it by --resume, replace it by --overwrite, or give another --out\n`,
    });
    expect(bytesOf(out, "training.safetensors")).toBe(before);
    expect((await train(out, "--steps 3 --overwrite")).code).toBe(0);
    expect(metricsOf(join(out, "metrics.jsonl")).length).toBe(3);

    const foreign = newRun();
    mkdirSync(foreign);
    writeFileSync(join(foreign, "model.safetensors"), "precious");
    for (const flags of ["", "--overwrite"]) {
      const { code, err } = await train(foreign, flags);
      expect(code).toBe(1);
      expect(err).toContain(
        `expected a new or empty folder for the run, got ${foreign}, which holds other files; give another --out`,
      );
    }
    expect(readdirSync(foreign)).toEqual(["model.safetensors"]);
  });

  it("keeps the last checkpoint when the disk is full, and goes on from it", async () => {
    const [out, whole] = [newRun(), newRun()];
    const flags = "--steps 9 --save-every 3";
    await train(whole, flags);
    let saves = 0;
    const stage: Stage = async (path, chunks) => {
      if (path.endsWith("training.safetensors")) saves++;
      if (saves === 3 && path.endsWith("model.safetensors"))
        fail("save", "room for 9 bytes", "a full disk (ENOSPC)", "free some and save again");
      return stageFile(path, chunks);
    };
    const { code, err } = await train(out, flags, { stage });
    expect(code).toBe(1);
    expect(err).toBe(
      `heed: save: expected room for 9 bytes, got a full disk (ENOSPC); free some and save again; the checkpoint of step 3 is whole: npx heed train --resume --out ${out}\n`,
    );
    expect(readdirSync(out).sort()).toEqual(FILES);
    expect((await heed(["generate", out, "--tokens", "3"])).code).toBe(0);
    const { out: said } = await heed(`train --resume --out ${out}`);
    expect(said).toContain("Going on from step 3 to 9");
    expect(bytesOf(out, "model.safetensors")).toBe(bytesOf(whole, "model.safetensors"));
    expect(metricsOf(join(out, "metrics.jsonl"))).toEqual(metricsOf(join(whole, "metrics.jsonl")));
  });

  it("keeps the last checkpoint when the loss is no number any more", async () => {
    const out = newRun();
    const { code, err } = await train(
      out,
      "--steps 60 --save-every 1 --learning-rate 1e30 --warmup 0 --schedule constant",
    );
    expect(code).toBe(1);
    expect(err).toMatch(
      /^heed: train: expected a finite loss and gradient, got .* at step \d+; lower the learning rate/,
    );
    expect((await heed(["generate", out, "--tokens", "3"])).code).toBe(0);
  });

  it("mends a folder that lost everything but the checkpoint", async () => {
    const [out, whole] = [newRun(), newRun()];
    await train(whole, "--steps 6");
    await train(out, "--steps 6", { stopAtStep: 1 });
    for (const file of FILES) if (file !== "training.safetensors") rmSync(join(out, file));
    writeFileSync(join(out, ".model.safetensors.1.1.tmp"), "half a fi");
    expect((await heed(`train --resume --out ${out}`)).code).toBe(0);
    expect(readdirSync(out).sort()).toEqual(FILES);
    expect(bytesOf(out, "model.safetensors")).toBe(bytesOf(whole, "model.safetensors"));
  });
});

describe("heed train says what is wrong with", () => {
  const file = (name: string, content: string | Uint8Array) => {
    writeFileSync(join(root, name), content);
    return join(root, name);
  };

  it.each<[string, () => string, string]>([
    ["no file", () => join(root, "nowhere.txt"), "expected a text file or a folder at"],
    ["an empty text", () => file("empty.txt", ""), "empty.txt, got an empty text"],
    ["white space", () => file("white.txt", " \n\n "), "white.txt, got white space alone"],
    [
      "a short text",
      () => file("short.txt", "too short"),
      "expected about 170 tokens, so that both parts have a window of 16",
    ],
    [
      "binary data",
      () => file("junk.txt", Uint8Array.of(65, 0, 66)),
      "junk.txt to be UTF-8 text, got binary data (a zero byte at 1)",
    ],
    [
      "Latin-1",
      () => file("latin.txt", Uint8Array.of(65, 66, 0xe9, 67, 68)),
      "latin.txt to be UTF-8 text, got other bytes (0xe9 at 2)",
    ],
    [
      "UTF-16",
      () => file("wide.txt", Uint8Array.of(0xff, 0xfe, 65, 0)),
      "wide.txt to be UTF-8 text, got UTF-16; save it as UTF-8 first",
    ],
    [
      "a folder without texts",
      () => mkdirSync(join(root, "none"), { recursive: true }) ?? join(root, "none"),
      "none, got none",
    ],
  ])("%s", async (_, path, message) => {
    const out = newRun();
    const { code, err, out: said } = await heed(`train ${path()} --out ${out} ${TINY} --steps 1`);
    expect({ code, said }).toEqual({ code: 1, said: "" });
    expect(err).toMatch(/^heed: [^\n]*\n$/);
    expect(err).toContain(message);
    expect(existsSync(out)).toBe(false);
  });

  it("a text too short for a batch", async () => {
    const { code, err } = await train(newRun(), "--batch 200");
    expect(code).toBe(1);
    expect(err).toContain("expected at least 3201 tokens for a batch of 200 windows of 16, got 2195 tokens");
  });

  it("a tokenizer that is not there, or cannot write the text", async () => {
    const out = newRun();
    const absent = await train(out, `--tokenizer ${join(root, "nothing")}`);
    expect(absent.err).toContain("tokenizer: expected a tokenizer.json, or a folder with one, at");
    await train(out, "--steps 1");
    const other = file("other.txt", "ÄÖÜ".repeat(200));
    const { code, err } = await heed(`train ${other} --out ${newRun()} --tokenizer ${out} ${TINY}`);
    expect(code).toBe(1);
    expect(err).toContain('encode: expected characters of the vocabulary (21 characters), got "Ä"');
  });

  it("a run to resume", async () => {
    const out = newRun();
    expect((await heed(`train --resume --out ${out}`)).err).toContain(
      `got ${out}, which does not exist; leave out --resume`,
    );
    expect((await heed("train --resume")).err).toContain(
      "expected the run's folder as --out, or its text, got neither",
    );
    await train(out, "--steps 2");
    const resume = (words: string) => heed(`train ${words} --resume --out ${out} --steps 5`);
    const changed = await resume("--layers 3");
    expect(changed.code).toBe(2);
    expect(changed.err).toContain("train --layers: expected 1, with which the run began, got 3; leave it out");
    const other = file("another.txt", `${RHYME}!`);
    expect((await resume(other)).err).toContain(
      `expected the text that the run began with (${other}), got a text that differs`,
    );
    const damaged = newRun();
    cpSync(out, damaged, { recursive: true });
    const bytes = readFileSync(join(out, "training.safetensors"));
    writeFileSync(join(damaged, "training.safetensors"), bytes.subarray(0, bytes.length - 100));
    const { code, err } = await heed(`train --resume --out ${damaged} --steps 5`);
    expect(code).toBe(1);
    expect(err).toMatch(/^heed: safetensors: expected .*training\.safetensors\)\n$/);
  });
});
