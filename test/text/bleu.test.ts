// BLEU: sacrebleu's numbers, token ids as well as words, and mistakes.

import { describe, expect, it } from "vitest";
import { type Bleu, type BleuSmoothing, bleu, sentenceBleu } from "../../src/text/index.js";
import { golden } from "../nn/golden.js";

interface Case {
  corpus: number;
  smoothing: BleuSmoothing;
  smoothingValue: number | null;
  effectiveOrder: boolean;
  maxOrder: number;
  result: Bleu;
  last: Bleu;
}
const { corpora, cases } = golden<{
  corpora: { hypotheses: string[][]; references: string[][][] }[];
  cases: Case[];
}>("bleu");

function expectSame(actual: Bleu, wanted: Bleu): void {
  const { score, precisions, brevityPenalty, ...lengths } = actual;
  expect(lengths).toEqual({ hypothesisLength: wanted.hypothesisLength, referenceLength: wanted.referenceLength });
  expect(precisions.length).toBe(wanted.precisions.length);
  const pairs = [
    [score, wanted.score],
    [brevityPenalty, wanted.brevityPenalty],
    ...precisions.map((p, i) => [p, wanted.precisions[i]]),
  ];
  for (const [got, want] of pairs) expect(Math.abs(got - want)).toBeLessThan(1e-9);
}

describe("bleu", () => {
  for (const { corpus, result, last, smoothingValue, ...options } of cases)
    it(`is sacrebleu's: corpus ${corpus} ${JSON.stringify({ ...options, smoothingValue })}`, () => {
      const { hypotheses, references } = corpora[corpus];
      const all = smoothingValue === null ? options : { ...options, smoothingValue };
      expectSame(bleu(hypotheses, references, all), result);
      expectSame(sentenceBleu(hypotheses.at(-1) as string[], references.at(-1) as string[][], all), last);
    });

  it("is the same for ids, and takes different numbers of references", () => {
    const [{ hypotheses, references }] = corpora;
    const ids = (words: string[]) => words.map(Number);
    const some = references.map((list, i) => (i % 2 ? list : [...list, ...list]));
    const wanted = bleu(hypotheses, references);
    expect(bleu(hypotheses.map(ids), some.map((list) => list.map(ids)))).toEqual(wanted); // biome-ignore format: short
  });

  it("leaves out orders too long for one sentence, unless told", () => {
    expect(sentenceBleu(["a", "b"], [["a", "b"]]).score).toBeCloseTo(100, 9);
    expect(sentenceBleu(["a", "b"], [["a", "b"]], { effectiveOrder: false }).score).toBe(0);
    expect(bleu([["a", "b"]], [[["a", "b"]]]).score).toBe(0);
  });

  it("tells mistakes", () => {
    expect(() => bleu(["the cat" as never], [[["the"]]])).toThrow(/bleu: expected hypothesis 0 as a list of words or ids, got "the cat"; split/); // biome-ignore format: short
    expect(() => bleu([["the"]], [["the"] as never])).toThrow(/reference of hypothesis 0 .* give \[reference\]/);
    expect(() => bleu([["the"]], [])).toThrow(/a list of references for each hypothesis, got 1 and 0/);
    expect(() => bleu([["the"]], [[]])).toThrow(/at least one reference for hypothesis 0, got an array of 0/);
    expect(() => bleu([["the"]], [[["the"]]], { maxOrder: 0 })).toThrow(/maxOrder a whole number of at least 1, got 0/);
    expect(() => bleu([["the"]], [[["the"]]], { smoothing: "add" as never })).toThrow(/one of exp, floor, add-k, none/);
    expect(() => sentenceBleu(["a"], [["a"]], { smoothingValue: -1 })).toThrow(/sentenceBleu: expected smoothingValue/);
  });
});
