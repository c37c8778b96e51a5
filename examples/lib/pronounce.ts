// Saying words with an encoder and a decoder that goes on from a state: by a beam, and how much of it is right.

import { compile, noGrad, type Tensor } from "heed";
import { beamSearch } from "heed/models";
import { errorRate } from "heed/text";
import { begin, type Entry, end, phonemes, spelled } from "./cmudict.js";
import { percent, table } from "./show.js";

/** From letters i32[B,S] to a state and a memory; `spelled` gives letters and lengths. */
export interface Encoder {
  forward(source: Tensor, lengths: Tensor): [state: Tensor, memory: Tensor];
}

/** From phonemes i32[B,T] and the state before them to logits f32[B,T,V], the state behind them, and what else it says. */
export interface Decoder {
  forward(target: Tensor, state: Tensor, memory: Tensor, lengths: Tensor): Tensor[];
}

/** The phonemes of each word, the best of four beginnings that go on together, each from the state that it has come to. */
export async function pronounce(encoder: Encoder, decoder: Decoder, entries: readonly Entry[]): Promise<string[][]> {
  const [source, lengths] = spelled(entries.map(({ word }) => word)).map((x) => x.repeatInterleave(4, 0));
  let [state, memory] = noGrad(() => encoder.forward(source, lengths)).map((x) => x.evaluate());
  const decode = compile((last: Tensor, parents: Tensor, state: Tensor) =>
    decoder.forward(last, state.indexSelect(0, parents), memory, lengths).slice(0, 2),
  );
  const next = (target: Tensor, parents: Tensor) => {
    const [logits, after] = decode(target.at(":", "-1:"), parents, state);
    state = after;
    return logits.squeeze(1);
  };
  const found = await beamSearch(next, { begin, end, maxLength: 11, batch: entries.length, beamWidth: 4 });
  return found.map(([{ tokens }]) => phonemes.decode(tokens));
}

/** How much of what was said is right, and eight words of it. */
export function report(said: readonly (readonly string[])[], entries: readonly Entry[]): string {
  const truth = entries.map((entry) => entry.phonemes);
  const corrections = truth.map((list, i) => (list.join() === said[i].join() ? "" : `not ${list.join(" ")}`));
  const right = corrections.filter((correction) => correction === "").length / entries.length;
  const rows = entries.map(({ word }, i) => [`  ${word}`, said[i].join(" "), corrections[i]]);
  const some = rows.filter((_, i) => i % Math.ceil(rows.length / 8) === 0);
  return `phoneme error rate ${percent(errorRate(said, truth))}, words right ${percent(right)}\n${table("lll", some)}`;
}
