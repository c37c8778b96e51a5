// The post-processor of a tokenizer.json: the tokens it puts before and after a text, such as <|begin_of_text|>.

import { shown } from "../base/show.js";
import { asArray, asId, asObject, asString, unsupported } from "./check.js";

/** Ids that go before and after the ids of a text. */
export interface Template {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/**
 * The tokens around a single text.
 * @throws HeedError for post-processors other than ByteLevel, TemplateProcessing, Roberta's and Bert's
 */
export function readTemplate(value: unknown, where = "post_processor"): Template {
  if (value === null || value === undefined) return { before: [], after: [] };
  const settings = asObject(value, where);
  switch (settings.type) {
    case "ByteLevel": // concerns character offsets only
      return { before: [], after: [] };
    case "BertProcessing":
    case "RobertaProcessing":
      return { before: [pairId(settings.cls, `${where}.cls`)], after: [pairId(settings.sep, `${where}.sep`)] };
    case "TemplateProcessing":
      return readPieces(settings, where);
    case "Sequence": {
      const parts = asArray(settings.processors, `${where}.processors`).map((part, i) => {
        const place = `${where}.processors[${i}]`;
        if (asObject(part, place).type === "Sequence") unsupported("a post_processor Sequence inside another");
        return readTemplate(part, place);
      });
      return { before: parts.toReversed().flatMap((p) => p.before), after: parts.flatMap((p) => p.after) };
    }
    default:
      unsupported(`the post_processor ${shown(settings.type)}`);
  }
}

function pairId(value: unknown, where: string): number {
  return asId(asArray(value, where)[1], `${where}[1]`);
}

function readPieces(settings: Record<string, unknown>, where: string): Template {
  const specials = asObject(settings.special_tokens, `${where}.special_tokens`);
  const before: number[] = [];
  const after: number[] = [];
  let here = before;
  asArray(settings.single, `${where}.single`).forEach((item, i) => {
    const place = `${where}.single[${i}]`;
    const piece = asObject(item, place);
    if (piece.Sequence !== undefined) {
      if (here === after) unsupported("a post_processor that repeats the text");
      here = after;
      return;
    }
    const name = asString(asObject(piece.SpecialToken, `${place}.SpecialToken`).id, `${place}.SpecialToken.id`);
    const special = Object.hasOwn(specials, name) ? specials[name] : undefined;
    const ids = asArray(
      asObject(special, `${where}.special_tokens[${shown(name)}]`).ids,
      `${where}.special_tokens.ids`,
    );
    here.push(...ids.map((id, j) => asId(id, `${where}.special_tokens.ids[${j}]`)));
  });
  if (here === before) unsupported("a post_processor without the text");
  return { before, after };
}
