// The pre-tokenizer of a tokenizer.json: cuts text into the pieces that merges do not cross.

import { shown } from "../base/show.js";
import { asArray, asFlag, asObject, asString, unsupported } from "./check.js";
import { gpt2Pattern, translatePattern } from "./pattern.js";

/** Hands the pieces of a text to `emit`, in order; together they are the text, unless the file says otherwise. */
export type Splitter = (text: string, emit: (piece: string) => void) => void;

/**
 * The splitter of a byte-level file: `ByteLevel` alone, or the last of a `Sequence` after `Split` and `Digits`.
 * @throws HeedError for any other pre-tokenizer
 */
export function readSplitter(value: unknown): Splitter {
  const where = "pre_tokenizer";
  if (value === null || value === undefined) unsupported("no pre_tokenizer with a vocabulary that has merges");
  const settings = asObject(value, where);
  if (settings.type !== "Sequence") return readStep(settings, where, true);
  const list = asArray(settings.pretokenizers, `${where}.pretokenizers`);
  if (list.length === 0 || list.length > 32) unsupported(`a pre_tokenizer Sequence of ${list.length}`);
  const steps = list.map((step, i) =>
    readStep(asObject(step, `${where}.pretokenizers[${i}]`), `${where}.pretokenizers[${i}]`, i === list.length - 1),
  );
  return steps.reduceRight((later, step) => (text, emit) => step(text, (piece) => later(piece, emit)));
}

function readStep(settings: Record<string, unknown>, where: string, last: boolean): Splitter {
  const type = asString(settings.type, `${where}.type`);
  if (last !== (type === "ByteLevel")) {
    unsupported(`the pre_tokenizer ${shown(type)}`, "the last step must be ByteLevel, as in GPT-2, Llama 3 and Qwen");
  }
  if (type === "ByteLevel") return readByteLevel(settings, where);
  if (type === "Split") return readSplit(settings, where);
  if (type === "Digits") {
    const individual = asFlag(settings.individual_digits, `${where}.individual_digits`, false);
    return isolate(individual ? /\p{N}/gu : /\p{N}+/gu, false, false);
  }
  unsupported(`the pre_tokenizer ${shown(type)}`);
}

function readByteLevel(settings: Record<string, unknown>, where: string): Splitter {
  const prefix = asFlag(settings.add_prefix_space, `${where}.add_prefix_space`, true);
  const split: Splitter = asFlag(settings.use_regex, `${where}.use_regex`, true)
    ? isolate(translatePattern(gpt2Pattern), false, false)
    : (text, emit) => emit(text);
  return prefix ? (text, emit) => split(text.startsWith(" ") ? text : ` ${text}`, emit) : split;
}

function readSplit(settings: Record<string, unknown>, where: string): Splitter {
  const behavior = asString(settings.behavior, `${where}.behavior`);
  if (behavior !== "Isolated" && behavior !== "Removed") unsupported(`the Split behavior ${shown(behavior)}`);
  const pattern = asObject(settings.pattern, `${where}.pattern`);
  const expression =
    pattern.Regex === undefined
      ? new RegExp(asString(pattern.String, `${where}.pattern.String`).replace(/[\^$\\.*+?()[\]{}|/]/g, "\\$&"), "gu")
      : translatePattern(asString(pattern.Regex, `${where}.pattern.Regex`));
  return isolate(expression, behavior === "Removed", asFlag(settings.invert, `${where}.invert`, false));
}

/** Cuts at matches; `removed` drops them from the text, `invert` takes what lies between matches for the matches. */
function isolate(expression: RegExp, removed: boolean, invert: boolean): Splitter {
  const keepsMatches = !removed || invert;
  const keepsGaps = !removed || !invert;
  return (text, emit) => {
    let at = 0;
    for (const match of text.matchAll(expression)) {
      const found = match[0];
      if (found === "") continue;
      if (keepsGaps && match.index > at) emit(text.slice(at, match.index));
      if (keepsMatches) emit(found);
      at = match.index + found.length;
    }
    if (keepsGaps && at < text.length) emit(text.slice(at));
  };
}
