import { describe, expect, expectTypeOf, it } from "vitest";
import { suggest } from "../../src/base/suggest.js";
import { defineVerb, parseArguments } from "../../src/cli/arguments.js";
import { programHelp, verbHelp } from "../../src/cli/help.js";

const train = defineVerb({
  name: "train",
  summary: "Train a small GPT on a text",
  positionals: [{ name: "text", help: "a text file, or a folder of them" }],
  flags: {
    out: { type: "string", default: "runs/model", placeholder: "<folder>", help: "where the run is kept" },
    steps: { type: "integer", default: 2000, min: 1, help: "how many batches to learn from" },
    learningRate: { type: "number", default: 1e-3, min: 0, help: "the highest learning rate, after the warm-up" },
    dropout: { type: "number", default: 0, min: 0, max: 1, help: "the share of activations dropped" },
    schedule: { type: "string", default: "cosine", choices: ["cosine", "linear", "constant"], help: "how it falls" },
    metrics: { type: "string", placeholder: "<file>", help: "a line of JSON per step", group: "Output" },
    quiet: { type: "boolean", help: "print nothing", group: "Output" },
    chart: { type: "boolean", default: true, help: "draw no loss curve", group: "Output" },
    offset: { type: "integer", help: "may be negative", group: "Output" },
  },
  examples: ["heed train data/moby-dick.txt --steps 200"],
});
const parse = (...words: string[]) => parseArguments(train, words);
const errorOf = (...words: string[]) => {
  try {
    parse(...words);
  } catch (error) {
    return String(error);
  }
  return "no error";
};

describe("arguments", () => {
  it("gives typed values, defaults where nothing is said", () => {
    const { flags, positionals, help, given } = parse("a.txt");
    expect(flags).toEqual({
      ...{ out: "runs/model", steps: 2000, learningRate: 1e-3, dropout: 0, schedule: "cosine" },
      ...{ metrics: undefined, quiet: false, chart: true, offset: undefined },
    });
    expect({ positionals, help, given: [...given] }).toEqual({ positionals: ["a.txt"], help: false, given: [] });
    expectTypeOf(flags.steps).toEqualTypeOf<number>();
    expectTypeOf(flags.offset).toEqualTypeOf<number | undefined>();
    expectTypeOf(flags.metrics).toEqualTypeOf<string | undefined>();
    expectTypeOf(flags.schedule).toEqualTypeOf<"cosine" | "linear" | "constant">();
    expectTypeOf(flags.quiet).toEqualTypeOf<boolean>();
  });

  it("takes --flag value, --flag=value, negative and long numbers, in any order, the last one counting", () => {
    const words =
      "--steps 1_000 --learning-rate=3e-4 --offset -5 a.txt --quiet --no-chart --out= --steps=7 --schedule linear";
    const { flags, positionals, given } = parse(...words.split(" "));
    expect(flags).toMatchObject({
      steps: 7,
      learningRate: 3e-4,
      offset: -5,
      quiet: true,
      chart: false,
      out: "",
      schedule: "linear",
    });
    expect(positionals).toEqual(["a.txt"]);
    expect(given.has("learningRate") && !given.has("dropout")).toBe(true);
    expect(parse("a", "--offset=-5", "--quiet=false").flags).toMatchObject({ offset: -5, quiet: false });
    expect(parse("--", "--steps").positionals).toEqual(["--steps"]);
    expect(parse("a", "--out=--steps").flags.out).toBe("--steps");
    expect(parse("a", "--out", "-").flags.out).toBe("-");
  });

  it.each([
    [["a", "--lerning-rate", "1"], "HeedError: heed train: unknown flag --lerning-rate; did you mean --learning-rate?"],
    [["a", "--lr", "1"], "HeedError: heed train: unknown flag --lr; did you mean --learning-rate?"],
    [["a", "--learning_rate=1"], "HeedError: heed train: unknown flag --learning_rate; did you mean --learning-rate?"],
    [["a", "--learningRate=1"], "HeedError: heed train: unknown flag --learningRate; did you mean --learning-rate?"],
    [["a", "--frobnicate"], "HeedError: heed train: unknown flag --frobnicate; heed train --help lists its flags"],
    [["a", "-x"], "HeedError: heed train: unknown flag -x; heed train --help lists its flags"],
    [["a", "--no-steps"], "HeedError: heed train: unknown flag --no-steps; heed train --help lists its flags"],
    [["a", "--steps", "many"], 'HeedError: heed train --steps: expected a whole number of at least 1, got "many"'],
    [["a", "--steps", "2.5"], 'HeedError: heed train --steps: expected a whole number of at least 1, got "2.5"'],
    [["a", "--steps=0"], 'HeedError: heed train --steps: expected a whole number of at least 1, got "0"'],
    [["a", "--steps="], 'HeedError: heed train --steps: expected a whole number of at least 1, got ""'],
    [["a", "--steps"], "HeedError: heed train --steps: expected a whole number of at least 1, got nothing after it"],
    [["a", "--out", "--steps", "5"], "HeedError: heed train --out: expected a value, got the flag --steps"],
    [["a", "--dropout", "-0.1"], 'HeedError: heed train --dropout: expected a number from 0 to 1, got "-0.1"'],
    [
      ["a", "--learning-rate", "NaN"],
      'HeedError: heed train --learning-rate: expected a number of at least 0, got "NaN"',
    ],
    [
      ["a", "--learning-rate", "1e999"],
      'HeedError: heed train --learning-rate: expected a number of at least 0, got "1e999"',
    ],
    [
      ["a", "--schedule", "cosin"],
      'HeedError: heed train --schedule: expected one of cosine, linear, constant, got "cosin"; did you mean cosine?',
    ],
    [["a", "--quiet=maybe"], 'HeedError: heed train --quiet: expected no value, or true or false, got "maybe"'],
    [[], "HeedError: heed train: expected <text>, a text file, or a folder of them, got none; see heed train --help"],
    [["a", "b"], 'HeedError: heed train: expected one word beside flags, got "b" too; see heed train --help'],
    [
      ["a", "steps", "5"],
      'HeedError: heed train: expected one word beside flags, got "steps" too; did you mean --steps?',
    ],
  ])("says what is wrong with %j", (words, message) => expect(errorOf(...words)).toBe(message));

  it("hears --help before it complains", () => {
    expect(parse("--bad", "--steps", "x", "--help").help).toBe(true);
    expect(parse("-h").help).toBe(true);
  });

  it("prints help in two columns with defaults and an example", () => {
    expect(verbHelp(train, 80)).toBe(`Train a small GPT on a text.

Usage: heed train <text> [flags]

  <text>                             a text file, or a folder of them

Flags:
  --out <folder>                     where the run is kept (default runs/model)
  --steps <n>                        how many batches to learn from
                                     (default 2000)
  --learning-rate <number>           the highest learning rate, after the
                                     warm-up (default 0.001)
  --dropout <number>                 the share of activations dropped
                                     (default 0)
  --schedule cosine|linear|constant  how it falls (default cosine)

Output:
  --metrics <file>                   a line of JSON per step
  --quiet                            print nothing
  --no-chart                         draw no loss curve
  --offset <n>                       may be negative
  -h, --help                         show this and stop

Example:
  heed train data/moby-dick.txt --steps 200
`);
    for (const line of verbHelp(train, 60).split("\n")) expect(line.length).toBeLessThanOrEqual(62);
    expect(programHelp([train], "Heed")).toContain("  train  Train a small GPT on a text\n");
  });

  it.each([
    ["genrate", "generate"],
    ["trian", "train"],
    ["doc", "doctor"],
    ["xyz", undefined],
    ["", undefined],
  ])("takes %j to mean %j", (word, name) => expect(suggest(word, ["train", "generate", "doctor"])).toBe(name));
});
