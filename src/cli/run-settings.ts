// How a run is set up, by its flags; a run that is resumed keeps its settings, and only those that change nothing about what has happened
// may be given anew.

import type { ScheduleName } from "../train/schedules.js";
import { flagName, type Parsed } from "./arguments.js";
import { UsageError } from "./io.js";
import type { trainVerb } from "./verbs.js";

export type TrainWords = Parsed<(typeof trainVerb)["flags"]>;

/** Plain JSON, kept in the checkpoint. */
export interface RunSettings {
  /** The path of the text as it was given. */
  readonly text: string;
  /** SHA-256 of the text. */
  readonly textHash: string;
  readonly tokenizer: string;
  readonly layers: number;
  readonly heads: number;
  readonly width: number;
  readonly context: number;
  readonly batch: number;
  readonly dropout: number;
  readonly seed: number;
  readonly accumulate: number;
  readonly steps: number;
  readonly learningRate: number;
  readonly warmup: number;
  readonly schedule: ScheduleName;
  readonly evalEvery: number;
  readonly saveEvery: number;
}

const FIXED = ["tokenizer", "layers", "heads", "width", "context", "batch", "dropout", "seed", "accumulate"] as const;
const FREE = ["steps", "learningRate", "warmup", "schedule", "evalEvery", "saveEvery"] as const;

/** The settings of a new run; what only the text can tell is filled in later. */
export function newSettings({ flags, positionals }: TrainWords): Omit<RunSettings, "textHash"> {
  const [text] = positionals;
  if (text === undefined)
    throw new UsageError("train: expected <text>, a text file or a folder of them, got none; see heed train --help");
  const chosen = Object.fromEntries([...FIXED, ...FREE].map((key) => [key, flags[key]]));
  const settings = { text, ...chosen } as unknown as Omit<RunSettings, "textHash">;
  const { width, heads, tokenizer } = settings;
  if (width % heads !== 0) {
    const below = Math.floor(width / heads) * heads;
    const near = below === 0 ? `${heads}` : `${below} or ${below + heads}`;
    throw new UsageError(`train --width: expected a multiple of the ${heads} heads, got ${width}; try ${near}`);
  }
  const [, size] = /^bpe:(.*)$/.exec(tokenizer) ?? [];
  if (tokenizer === "bpe" || (size !== undefined && !(/^\d+$/.test(size) && Number(size) >= 256))) {
    throw new UsageError(
      `train --tokenizer: expected bpe:N with N of at least 256 tokens, got ${JSON.stringify(tokenizer)}; try bpe:2048`,
    );
  }
  return settings;
}

/**
 * The settings a run goes on with.
 * @throws UsageError for a flag that the run cannot change any more
 */
export function resumedSettings({ flags, given, positionals }: TrainWords, saved: RunSettings): RunSettings {
  for (const key of FIXED) {
    if (given.has(key) && flags[key] !== saved[key]) {
      throw new UsageError(
        `train ${flagName(key)}: expected ${JSON.stringify(saved[key])}, with which the run began, got ${JSON.stringify(flags[key])}; leave it out, or begin another run with another --out`,
      );
    }
  }
  const anew = Object.fromEntries(FREE.filter((key) => given.has(key)).map((key) => [key, flags[key]]));
  return { ...saved, text: positionals[0] ?? saved.text, ...anew };
}
