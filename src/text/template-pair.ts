// The post-processor of a tokenizer.json in full: what stands around one text or two, and which of them each token counts to. Tokenizers
// that only ever see one text take template.ts.

import { shown } from "../base/show.js";
import { asArray, asId, asObject, asString, unsupported } from "./check.js";

/** One of two texts, or special tokens, and the type of the tokens it gives. */
export type PairPart =
  | { readonly text: "A" | "B"; readonly type: number }
  | { readonly ids: readonly number[]; readonly name: string; readonly type: number };

export interface PairTemplate {
  readonly single: readonly PairPart[];
  readonly pair: readonly PairPart[];
}

/**
 * What stands around one text and around two.
 * @throws HeedError for post-processors other than Bert's and TemplateProcessing
 */
export function readPairTemplate(value: unknown): PairTemplate {
  const where = "post_processor";
  const a: PairPart = { text: "A", type: 0 };
  if (value === null || value === undefined) return { single: [a], pair: [a, { text: "B", type: 1 }] };
  const settings = asObject(value, where);
  if (settings.type === "BertProcessing") {
    const [before, after] = (["cls", "sep"] as const).map((key): PairPart => {
      const [name, id] = asArray(settings[key], `${where}.${key}`);
      return { name: asString(name, `${where}.${key}[0]`), ids: [asId(id, `${where}.${key}[1]`)], type: 0 };
    });
    const single = [before, a, after];
    return { single, pair: [...single, { text: "B", type: 1 }, { ...after, type: 1 }] };
  }
  if (settings.type !== "TemplateProcessing") unsupported(`WordPiece with the post_processor ${shown(settings.type)}`);
  const specials = asObject(settings.special_tokens, `${where}.special_tokens`);
  const read = (key: "single" | "pair") =>
    asArray(settings[key], `${where}.${key}`).map((item, i) => readPart(item, specials, `${where}.${key}[${i}]`));
  return { single: read("single"), pair: read("pair") };
}

function readPart(item: unknown, specials: Record<string, unknown>, where: string): PairPart {
  const piece = asObject(item, where);
  const kind = piece.Sequence === undefined ? "SpecialToken" : "Sequence";
  const settings = asObject(piece[kind], `${where}.${kind}`);
  const type = asId(settings.type_id ?? 0, `${where}.${kind}.type_id`);
  const name = asString(settings.id, `${where}.${kind}.id`);
  if (kind === "Sequence") {
    if (name !== "A" && name !== "B") unsupported(`a post_processor with the text ${shown(name)}`);
    return { text: name as "A" | "B", type };
  }
  const special = Object.hasOwn(specials, name) ? specials[name] : undefined;
  const place = `post_processor.special_tokens[${shown(name)}]`;
  const ids = asArray(asObject(special, place).ids, `${place}.ids`).map((id, j) => asId(id, `${place}.ids[${j}]`));
  return { ids, name, type };
}

/** As tokenizer.json holds it. */
export function writePairTemplate({ single, pair }: PairTemplate): Record<string, unknown> {
  const specials = new Map<string, object>();
  const piece = (part: PairPart) => {
    if ("text" in part) return { Sequence: { id: part.text, type_id: part.type } };
    specials.set(part.name, {
      id: part.name,
      ids: part.ids,
      tokens: part.ids.length === 1 ? [part.name] : part.ids.map(String),
    });
    return { SpecialToken: { id: part.name, type_id: part.type } };
  };
  const written = { single: single.map(piece), pair: pair.map(piece) };
  return { type: "TemplateProcessing", ...written, special_tokens: Object.fromEntries(specials) };
}
