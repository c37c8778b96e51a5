// Writing with an encoder and a decoder: the likeliest character each time, or the best of a beam.

import { compile, noGrad, type Tensor } from "heed";
import { beamSearch, greedySearch } from "heed/models";
import type { Module } from "heed/nn";
import { begin, end, english, padded } from "./english-chinese.js";

/** A model that reads `source` i32[B,S] into a memory, and says what follows each token of `target` i32[B,T]: f32[B,T,V]. */
export type EncoderDecoder = Module & {
  encode(source: Tensor): Tensor;
  decode(memory: Tensor, source: Tensor, target: Tensor): Tensor;
};

/** A function that translates English sentences into token ids, with a beam of some width; 1 is greedy. */
export function translator(model: EncoderDecoder) {
  model.eval();
  const encode = compile((source: Tensor) => model.encode(source));
  const decode = compile((memory: Tensor, source: Tensor, target: Tensor) => model.decode(memory, source, target));

  async function translate(sentences: readonly string[], beamWidth: number): Promise<number[][]> {
    const once = padded(sentences.map((sentence) => english.encode(sentence)));
    const memory = noGrad(() => encode(once).repeatInterleave(beamWidth, 0));
    const source = once.repeatInterleave(beamWidth, 0); // for each sentence as many rows as the beam is wide
    const next = (target: Tensor) => {
      const N = target.shape[1]; // filled up to a multiple of 8: few lengths, so that little is compiled
      return decode(memory, source, target.pad([0, -N & 7])).select(1, N - 1);
    };
    const options = { begin, end, maxLength: 40, batch: sentences.length };
    if (beamWidth === 1) return (await greedySearch(next, options)).map(({ tokens }) => tokens);
    // The paper's length penalty of 0.6 is for pieces of words; of characters there are more.
    return (await beamSearch(next, { ...options, beamWidth, lengthPenalty: 1 })).map(([best]) => best.tokens);
  }

  return async (sentences: readonly string[], { beamWidth = 1, batch = 50 } = {}): Promise<number[][]> => {
    const found: number[][] = [];
    for (let i = 0; i < sentences.length; i += batch)
      found.push(...(await translate(sentences.slice(i, i + batch), beamWidth)));
    return found;
  };
}
