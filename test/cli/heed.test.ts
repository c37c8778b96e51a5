import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { heed } from "./support.js";

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

describe("heed", () => {
  it("says its version and its verbs", async () => {
    expect(await heed("--version")).toEqual({ code: 0, out: `${version}\n`, err: "" });
    expect(await heed("-v")).toEqual({ code: 0, out: `${version}\n`, err: "" });
    for (const words of ["--help", "-h", "help"]) {
      const { code, out, err } = await heed(words);
      expect({ code, err }).toEqual({ code: 0, err: "" });
      for (const verb of ["train", "generate", "doctor"]) expect(out).toContain(`  ${verb} `);
    }
    const { code, out, err } = await heed([]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain("Usage: heed <verb>");
  });

  it.each(["train", "generate", "doctor"])("explains %s", async (verb) => {
    const { code, out } = await heed([verb, "--help"]);
    expect(code).toBe(0);
    expect(out).toContain(`Usage: heed ${verb}`);
    expect((await heed(["help", verb])).out).toBe(out);
    expect((await heed([verb, "--nonsense", "-h"])).out).toBe(out);
  });

  it.each<[string, string]>([
    ["trian", "heed: unknown verb trian; did you mean heed train?\n"],
    ["frobnicate", "heed: unknown verb frobnicate; heed --help lists the verbs\n"],
    ["--frobnicate", "heed: unknown flag --frobnicate; heed --help lists the verbs\n"],
    ["help frobnicate", "heed: unknown verb frobnicate; heed --help lists the verbs\n"],
    ["train", "heed: train: expected <text>, a text file or a folder of them, got none; see heed train --help\n"],
    ["train a b", 'heed: train: expected one word beside flags, got "b" too; see heed train --help\n'],
    ["train a --lerning-rate 1", "heed: train: unknown flag --lerning-rate; did you mean --learning-rate?\n"],
    ["train a --steps 0", 'heed: train --steps: expected a whole number of at least 1, got "0"\n'],
    ["train a --dropout 1.5", 'heed: train --dropout: expected a number from 0 to 1, got "1.5"\n'],
    [
      "train a --schedule cosin",
      'heed: train --schedule: expected one of cosine, linear, constant, got "cosin"; did you mean cosine?\n',
    ],
    ["train a --width 10 --heads 4", "heed: train --width: expected a multiple of the 4 heads, got 10; try 8 or 12\n"],
    ["train a --width 3", "heed: train --width: expected a multiple of the 4 heads, got 3; try 4\n"],
    [
      "train a --tokenizer bpe",
      'heed: train --tokenizer: expected bpe:N with N of at least 256 tokens, got "bpe"; try bpe:2048\n',
    ],
    [
      "train a --tokenizer bpe:many",
      'heed: train --tokenizer: expected bpe:N with N of at least 256 tokens, got "bpe:many"; try bpe:2048\n',
    ],
    [
      "train a --tokenizer bpe:255",
      'heed: train --tokenizer: expected bpe:N with N of at least 256 tokens, got "bpe:255"; try bpe:2048\n',
    ],
    [
      "generate",
      "heed: generate: expected <run>, the folder of a run, as heed train wrote it, or of a GPT-2 from Hugging Face, got none; see heed generate --help\n",
    ],
    ["generate a --top-p 2", 'heed: generate --top-p: expected a number from 0 to 1, got "2"\n'],
    ["generate a --top-p 0", "heed: generate --top-p: expected a number above 0 and up to 1, got 0\n"],
    ["doctor now", 'heed: doctor: expected no words beside flags, got "now" too; see heed doctor --help\n'],
  ])("answers %j with exit code 2", async (words, err) => {
    expect(await heed(words)).toEqual({ code: 2, out: "", err });
  });

  it("prints errors in red in a terminal, in one line, and the stack when asked", async () => {
    const { err } = await heed("trian", { terminal: true });
    expect(err).toBe("\u001b[31mheed: unknown verb trian; did you mean heed train?\u001b[39m\n");
    expect((await heed("trian", { terminal: true, env: { NO_COLOR: "1" } })).err).not.toContain("\u001b");
    expect((await heed("trian", { env: { HEED_DEBUG: "1" } })).err).toMatch(
      /^heed: unknown verb trian.*\n[\s\S]*\n {4}at /,
    );
  });

  it("examines what it runs on", async () => {
    const { code, out } = await heed("doctor");
    expect(code).toBe(0);
    for (const row of ["heed", "node", "platform", "processor", "executor", "threads", "speed", "missing"]) {
      expect(out).toMatch(new RegExp(`^${row} +\\S`, "m"));
    }
    const report = JSON.parse((await heed("doctor --json")).out);
    expect(report).toMatchObject({ heed: version, node: process.version });
    expect(["native", "reference"]).toContain(report.executor);
    expect(report.threads >= 1 && report.gflops > 0).toBe(true);
    if (report.executor === "native") expect(report.instructionSets).toContain(report.instructionSet);
    else expect(report.why).toMatch(/HEED_EXECUTOR|missing/);
  });
});
