// How translations are shown: their score, some of them, and where the decoder looked as it wrote one.

import type { Tensor } from "heed";
import { heatMapSvg, heatMapText } from "heed/inspect";
import { decodeChinese, english, heldOut, score } from "./english-chinese.js";
import { draw } from "./show.js";

/** BLEU of what each search made of the first held out sentences, and eight of these as the last search has them. */
export function report(found: Readonly<Record<string, readonly number[][]>>): string {
  const [translations] = Object.values(found).slice(-1);
  const pairs = heldOut.slice(0, translations.length);
  const references = pairs.map(([, chinese]) => chinese);
  const scores = Object.entries(found).map(([search, translations]) => {
    const bleu = score(translations, references).toFixed(1);
    return `\n${search}: BLEU ${bleu} on ${pairs.length} sentences that were held out`;
  });
  const samples = pairs.map(
    ([source, reference], i) =>
      `\n${source}\n  ${decodeChinese(translations[i]).join("")}\n  ${reference}  (reference)`,
  );
  const some = samples.filter((_, i) => i % Math.ceil(pairs.length / 8) === 0);
  return [...scores, ...some].join("\n");
}

/** The pattern f32[1,T,S] of one sentence: a row for each character of the translation and the end, a column for each word. */
export function drawAttention(file: string, pattern: Tensor, sentence: string, translation: readonly number[]): void {
  const columns = Array.from(english.encode(sentence), (id) => english.token(id) as string);
  const rows = [...decodeChinese(translation), "end"];
  const seen = pattern.at(0, `:${rows.length}`, `:${columns.length}`); // without padding
  const title = "Where the last layer looked as it wrote each character";
  console.log(`\n${heatMapText(seen, { rows, columns, title })}\n`);
  draw(file, heatMapSvg(seen, { rows, columns, title: sentence }));
}
