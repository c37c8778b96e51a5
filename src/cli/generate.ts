// heed generate: a run folder's model goes on from a prompt, token by token.

import { fail } from "../base/errors.js";
import { stream } from "../models/generate.js";
import { StreamDecoder } from "../text/stream.js";
import type { Tokenizer } from "../text/tokenizer.js";
import { loadRun } from "../train/run-folder.js";
import type { Parsed } from "./arguments.js";
import { type Io, UsageError } from "./io.js";
import type { generateVerb } from "./verbs.js";

/** Prints the prompt and what follows it. Returns 0. */
export async function generateText(
  { flags, positionals }: Parsed<(typeof generateVerb)["flags"]>,
  io: Io,
): Promise<number> {
  const { tokens, temperature, topK, topP, seed } = flags;
  if (topP === 0) throw new UsageError("generate --top-p: expected a number above 0 and up to 1, got 0");
  const [folder] = positionals;
  const { model, tokenizer } = await loadRun(folder);
  if (tokenizer.vocabularySize > model.vocabularySize) {
    fail(
      "heed generate",
      `a tokenizer of at most ${model.vocabularySize} tokens, those of the model`,
      `one of ${tokenizer.vocabularySize}`,
      `${folder} holds files of two runs`,
    );
  }
  const prompt = flags.prompt ?? "";
  const ids = prompt === "" ? beginning(tokenizer) : tokenizer.encode(prompt);
  const options = {
    tokens,
    temperature,
    seed,
    topP,
    stop: [...tokenizer.specialTokens.values()],
    ...(topK > 0 ? { topK } : {}),
  };
  const decoder = new StreamDecoder(tokenizer, { special: false });
  const live = flags.stream || io.stdout.isTTY === true;
  let held = "";
  const write = (text: string) => {
    if (live) io.stdout.write(text);
    else held += text;
  };
  write(prompt);
  for await (const id of stream(model, ids, options)) write(decoder.push(id));
  write(decoder.end());
  io.stdout.write(`${held}\n`);
  return 0;
}

/** What a text begins after when there is no prompt: the end of one, or a line break, or any token. */
function beginning(tokenizer: Tokenizer): Int32Array {
  const [end] = tokenizer.specialTokens.values();
  const lineBreak = tokenizer.id("\n") ?? tokenizer.id("Ċ");
  return Int32Array.of(end ?? lineBreak ?? 0);
}
