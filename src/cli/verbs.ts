// The verbs as declarations: what each takes, for reading the words and for --help. What they do is in a file per verb, loaded when needed.

import { SCHEDULES } from "../train/schedules.js";
import { defineVerb } from "./arguments.js";

export const trainVerb = defineVerb({
  name: "train",
  summary: "Train a small GPT on a text",
  positionals: [
    {
      name: "text",
      help: "a text file, or a folder of .txt and .md files; may be left out with --resume",
      optional: true,
    },
  ],
  flags: {
    out: {
      type: "string",
      help: "the folder the run is kept in (default\u00a0runs/, and the text's name)",
      placeholder: "<folder>",
      group: "Run",
    },
    resume: {
      type: "boolean",
      help: "go on from the run's last checkpoint, as if it had never stopped; flags left out are as they were",
      group: "Run",
    },
    overwrite: { type: "boolean", help: "replace the run that is in the folder", group: "Run" },
    saveEvery: { type: "integer", default: 250, min: 1, help: "steps between checkpoints", group: "Run" },
    evalEvery: {
      type: "integer",
      default: 250,
      min: 1,
      help: "steps between looks at the tenth of the text that is held back",
      group: "Run",
    },
    metrics: {
      type: "string",
      help: "write the lines of the run's metrics.jsonl to this file as well",
      placeholder: "<file>",
      group: "Run",
    },
    quiet: { type: "boolean", help: "print nothing but errors", group: "Run" },
    tokenizer: {
      type: "string",
      default: "char",
      help: "char: a token per character; bpe:2048: train a byte-level BPE of so many tokens; or a folder with a tokenizer.json",
      placeholder: "char|bpe:<n>|<folder>",
      group: "Model",
    },
    layers: { type: "integer", default: 4, min: 1, help: "blocks", group: "Model" },
    heads: { type: "integer", default: 4, min: 1, help: "attention heads of a block", group: "Model" },
    width: {
      type: "integer",
      default: 128,
      min: 1,
      help: "numbers per position, a multiple of the heads",
      group: "Model",
    },
    context: { type: "integer", default: 64, min: 1, help: "tokens the model sees at once", group: "Model" },
    dropout: {
      type: "number",
      default: 0,
      min: 0,
      max: 1,
      help: "share of activations dropped in training",
      group: "Model",
    },
    steps: { type: "integer", default: 2000, min: 1, help: "optimizer steps", group: "Training" },
    batch: { type: "integer", default: 12, min: 1, help: "windows of the text in a batch", group: "Training" },
    accumulate: { type: "integer", default: 1, min: 1, help: "batches to a step", group: "Training" },
    learningRate: {
      type: "number",
      default: 1e-3,
      min: 0,
      help: "the highest learning rate, after the warm-up",
      group: "Training",
    },
    warmup: {
      type: "integer",
      default: 100,
      min: 0,
      help: "steps over which the learning rate rises",
      group: "Training",
    },
    schedule: {
      type: "string",
      default: "cosine",
      choices: Object.keys(SCHEDULES),
      help: "how it then falls, to a tenth",
      group: "Training",
    },
    seed: {
      type: "integer",
      default: 1,
      min: 0,
      help: "of initial weights, order of the text and dropout",
      group: "Training",
    },
  },
  examples: [
    "heed train data/moby-dick.txt --out runs/moby",
    "heed train notes/ --tokenizer bpe:1024 --layers 6 --width 192 --heads 6 --context 128",
    "heed train --resume --out runs/moby --steps 5000",
  ],
});

export const generateVerb = defineVerb({
  name: "generate",
  summary: "Write text with a trained model",
  positionals: [{ name: "run", help: "the folder of a run, as heed train wrote it, or of a GPT-2 from Hugging Face" }],
  flags: {
    prompt: {
      type: "string",
      help: "the text to go on from (default\u00a0a\u00a0line\u00a0break)",
      placeholder: "<text>",
    },
    tokens: { type: "integer", default: 200, min: 0, help: "tokens to write" },
    temperature: {
      type: "number",
      default: 0.8,
      min: 0,
      help: "below 1 bolder, above 1 more varied; 0 takes the likeliest token",
    },
    topK: { type: "integer", default: 40, min: 0, help: "choose among the k likeliest tokens; 0 for all" },
    topP: {
      type: "number",
      default: 0.95,
      min: 0,
      max: 1,
      help: "choose among the likeliest tokens that together have this probability; 1 for all",
    },
    seed: { type: "integer", default: 1, min: 0, help: "the same seed writes the same text" },
    stream: { type: "boolean", help: "print each token as it is written; in a terminal that is so anyway" },
  },
  examples: [
    'heed generate runs/moby --prompt "Call me Ishmael"',
    "heed generate runs/moby --tokens 1000 --seed 7 > chapter.txt",
  ],
});

export const doctorVerb = defineVerb({
  name: "doctor",
  summary: "Say what Heed runs on here, and what is missing",
  positionals: [],
  flags: { json: { type: "boolean", help: "print JSON" } },
  examples: ["heed doctor", "HEED_THREADS=1 heed doctor --json"],
});
