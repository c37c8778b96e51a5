// Where in a word each of its phonemes comes from: the pattern of a decoder that is told the phonemes, and its drawing.

import { noGrad, stack, type Tensor } from "heed";
import { heatMapSvg, heatMapText } from "heed/inspect";
import { type Entry, spelled, spoken } from "./cmudict.js";
import type { Decoder, Encoder } from "./pronounce.js";
import { draw } from "./show.js";

/** The pattern f32[T,S] of a word: a row for each phoneme and the end, a column for each letter. */
export function aligned(encoder: Encoder, decoder: Decoder, { word, phonemes }: Entry): Tensor {
  const [letters, lengths] = spelled([word]);
  const attended = () => decoder.forward(spoken([phonemes]), ...encoder.forward(letters, lengths), lengths);
  const [, , pattern] = noGrad(attended);
  return pattern.at(0, `:${phonemes.length + 1}`, `:${word.length}`);
}

/** The patterns of one word by Bahdanau's and Luong's decoder, side by side. */
export function drawAlignments(file: string, patterns: readonly Tensor[], { word, phonemes }: Entry): void {
  const labels = { rows: [...phonemes, "end"], columns: [...word], axes: ["phonemes", "letters"] } as const;
  const options = { ...labels, heads: ["Bahdanau", "Luong"], title: `Where each phoneme of ${word} comes from` };
  console.log(`${heatMapText(stack(patterns), options)}\n`);
  draw(file, heatMapSvg(stack(patterns), options));
}
