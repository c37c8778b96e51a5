// Searches: the numbers of transformers, everything that a short text can be, states that follow their beams, and mistakes.

import { describe, expect, it } from "vitest";
import { compile, manualSeed, randn, type Tensor, tensor, zeros } from "../../src/index.js";
import { beamSearch, greedySearch, type Hypothesis, type NextToken } from "../../src/models/index.js";
import { golden } from "../nn/golden.js";

interface Found {
  tokens: number[];
  score: number | null;
}
interface Case {
  seed: number;
  width: number;
  starts: number[];
  found: Found[][];
}
const table = golden<{ V: number; begin: number; end: number; scale: number; push: number; cases: Case[] }>("beam-search"); // biome-ignore format: short
const { V, begin, end } = table;

/** Logits by the last two tokens; the sentence's start stands where the begin token would. */
function tableModel(seed: number, starts: readonly number[], width: number): NextToken {
  manualSeed(seed);
  const push = tensor(Array.from({ length: V }, (_, i) => (i === end ? table.push : 0)));
  const logits = randn(V, V, V).mul(table.scale).add(push);
  return (tokens) => {
    const rows = tokens.toArray() as number[][];
    const texts = rows.map(([, ...text], row) => [begin, starts[Math.floor(row / width)], ...text]);
    const [before, last] = [-2, -1].map((at) => tensor(texts.map((text) => text.at(at) as number)));
    return logits.at(before, last);
  };
}

describe("beside transformers", () => {
  for (const { seed, width, starts, found } of table.cases) {
    it(`finds the same ${width} for table ${seed}`, async () => {
      const options = { begin, end, maxLength: 58, batch: starts.length };
      const beams = await beamSearch(tableModel(seed, starts, width), { ...options, beamWidth: width, lengthPenalty: 0 }); // biome-ignore format: short
      expect(beams.map((list) => list.map(({ tokens }) => tokens))).toEqual(found.map((f) => f.map((h) => h.tokens)));
      for (const [b, list] of found.entries())
        for (const [i, { score }] of list.entries())
          if (score !== null) expect(Math.abs(beams[b][i].score - score)).toBeLessThan(2e-5);
      if (width > 1) return;
      const greedy = await greedySearch(tableModel(seed, starts, 1), options);
      expect(greedy).toEqual(beams.map(([best]) => best));
    });
  }
});

/** Every text of at most `maxLength` tokens, best first. */
async function exhaustive(next: NextToken, alpha: number, maxLength: number): Promise<Hypothesis[]> {
  const all: Hypothesis[] = [];
  const grow = async (tokens: number[], sum: number): Promise<void> => {
    const scores = await next(tensor([[begin, ...tokens]], { dtype: "i32" }), tensor([0]));
    const logs = Array.from((await scores.logSoftmax(-1).data()) as Float32Array);
    for (const [token, value] of logs.entries()) {
      if (token !== end) {
        if (tokens.length < maxLength && value > -Infinity) await grow([...tokens, token], sum + value);
      } else {
        const logProbability = sum + value;
        all.push({ tokens, logProbability, score: logProbability / ((5 + tokens.length + 1) ** alpha / 6 ** alpha) });
      }
    }
  };
  await grow([], 0);
  return all.sort((a, b) => b.score - a.score);
}

describe("beside an exhaustive search", () => {
  for (const [alpha, seed] of [[0, 1], [0.6, 1], [0.6, 2], [1, 3], [2.5, 4], [-0.7, 5]]) // biome-ignore format: short
    it(`finds the best texts of all, alpha ${alpha}, table ${seed}`, async () => {
      manualSeed(seed);
      const V = 4; // with the end token 0 and the begin token 1, which may come again
      const logits = randn(V, V, V).mul(1.5);
      const model: NextToken = (tokens) => {
        const rows = tokens.toArray() as number[][];
        const [before, last] = [-2, -1].map((at) => tensor(rows.map((row) => row.at(at) ?? begin)));
        return logits.at(before, last);
      };
      const all = await exhaustive(model, alpha, 3);
      expect(all.length).toBe(1 + 3 + 9 + 27);
      for (const results of [1, 5, 40]) {
        const [found] = await beamSearch(model, { begin, end: 0, maxLength: 3, beamWidth: 120, lengthPenalty: alpha, results }); // biome-ignore format: short
        expect(found.map(({ tokens }) => tokens)).toEqual(all.slice(0, results).map(({ tokens }) => tokens));
        for (const [i, { score, logProbability }] of found.entries()) {
          expect(score).toBeCloseTo(all[i].score, 5);
          expect(logProbability).toBeCloseTo(all[i].logProbability, 5);
        }
      }
    });
});

describe("the search", () => {
  it("lets a decoder's state follow its beams", async () => {
    manualSeed(6);
    const [V, C, width] = [7, 5, 3];
    const [embedding, recurrent, output] = [randn(V, C), randn(C, C), randn(C, V).mul(0.7)];
    const cell = (token: Tensor, state: Tensor) => embedding.at(token).add(state.matmul(recurrent)).tanh();
    const memory = randn(2, C); // of two sentences
    // Without a state: everything is read anew at each step.
    const anew: NextToken = (tokens) => {
      let state = memory.repeatInterleave(width, 0);
      for (let t = 0; t < tokens.shape[1]; t++) state = cell(tokens.at(":", t), state);
      return state.matmul(output);
    };
    let state = memory.repeatInterleave(width, 0);
    const step = compile((token: Tensor, parents: Tensor, before: Tensor) => {
      const after = cell(token, before.indexSelect(0, parents));
      return [after.matmul(output), after];
    });
    const kept: NextToken = (tokens, parents) => {
      const [logits, after] = step(tokens.at(":", -1).contiguous(), parents, state);
      state = after;
      return logits;
    };
    const options = { begin: 1, end: 0, maxLength: 6, batch: 2, beamWidth: width };
    const [plain, fast] = [await beamSearch(anew, options), await beamSearch(kept, options)];
    expect(fast.map((f) => f.map(({ tokens }) => tokens))).toEqual(plain.map((f) => f.map(({ tokens }) => tokens)));
    expect(new Set(plain.flat().map(({ tokens }) => tokens.length)).size).toBeGreaterThan(1);
    for (const [b, list] of plain.entries())
      for (const [i, { score }] of list.entries()) expect(fast[b][i].score).toBeCloseTo(score, 4);
  });

  it("treats a sentence alone as among others", async () => {
    const options = { begin, end, maxLength: 58, beamWidth: 3 };
    const together = await beamSearch(tableModel(2, [3, 5, 7], 3), { ...options, batch: 3 });
    for (const [i, start] of [3, 5, 7].entries())
      expect(await beamSearch(tableModel(2, [start], 3), options)).toEqual([together[i]]);
  });

  it("stops when nothing open can win", async () => {
    let calls = 0;
    // The end has probability 0.9 at every step: the best text is empty, the second best one token.
    const model: NextToken = (tokens) => {
      calls++;
      return tensor([0.9, 0.06, 0.04]).log().expand(tokens.shape[0], 3);
    };
    const [one] = await beamSearch(model, { begin: 1, end: 0, maxLength: 50, beamWidth: 2, lengthPenalty: 0, results: 1 }); // biome-ignore format: short
    expect([one[0].tokens, calls]).toEqual([[], 1]);
    calls = 0;
    const [two] = await beamSearch(model, { begin: 1, end: 0, maxLength: 50, beamWidth: 2, lengthPenalty: 0 });
    expect([two.map(({ tokens }) => tokens), calls]).toEqual([[[], [1]], 2]);
    expect(two[1].score).toBeCloseTo(Math.log(0.06 * 0.9), 6);
  });

  it("ends a text that has no more room, with the probability of that", async () => {
    const model: NextToken = (tokens) => tensor([0.01, 0.19, 0.8]).log().expand(tokens.shape[0], 3);
    const expected = 4 * Math.log(0.8) + Math.log(0.01);
    const [greedy] = await greedySearch(model, { begin: 1, end: 0, maxLength: 4 });
    expect(greedy.tokens).toEqual([2, 2, 2, 2]);
    expect(greedy.score).toBeCloseTo(expected, 5);
    const [[best]] = await beamSearch(model, { begin: 1, end: 0, maxLength: 4, lengthPenalty: 3, beamWidth: 2 });
    expect(best.tokens).toEqual([2, 2, 2, 2]);
    expect(best.score).toBeCloseTo(expected / (10 / 6) ** 3, 5);
  });

  it("takes a promise, raw logits, and never a token that is not allowed", async () => {
    const model: NextToken = async (tokens) => tensor([1, -Infinity, 3, -Infinity]).expand(tokens.shape[0], 4);
    const [found] = await beamSearch(model, { begin: 1, end: 0, maxLength: 2, beamWidth: 4 });
    expect(found.map(({ tokens }) => tokens)).toHaveLength(3);
    expect(found.flatMap(({ tokens }) => tokens).every((token) => token === 2)).toBe(true);
  });
});

describe("mistakes", () => {
  const search = { begin: 1, end: 0, maxLength: 3 };
  const options = { ...search, beamWidth: 2 };
  const flat: NextToken = (tokens) => zeros(tokens.shape[0], 4);
  const cases: [string, () => Promise<unknown>, RegExp][] = [
    ["no function", () => beamSearch(null as never, options), /beamSearch: expected a function .*, got null/],
    ["begin", () => beamSearch(flat, { ...options, begin: -1 }), /begin a token id from 0, got -1/],
    ["end past V", () => greedySearch(flat, { ...search, end: 4 }), /greedySearch: expected end from 0 to 3/],
    [
      "another's option",
      () => greedySearch(flat, options),
      /options named begin, end, maxLength, batch, got beamWidth/,
    ],
    ["maxLength", () => greedySearch(flat, { ...search, maxLength: 0 }), /maxLength a whole number of at least 1/],
    ["batch", () => beamSearch(flat, { ...options, batch: 1.5 }), /batch a whole number of at least 1, got 1.5/],
    ["beamWidth", () => beamSearch(flat, { ...options, beamWidth: 0 }), /beamWidth a whole number/],
    ["lengthPenalty", () => beamSearch(flat, { ...options, lengthPenalty: NaN }), /finite lengthPenalty, got NaN/],
    ["results", () => beamSearch(flat, { ...options, results: 3 }), /results from 1 to the beam width 2, got 3/],
    ["rank", () => beamSearch((t) => zeros(t.shape[0], 1, 4), options), /f32\[2,V\].*, got f32\[2,1,4\]; .*last/],
    ["no tensor", () => beamSearch((() => [1]) as never, options), /a tensor of scores.*, got an array of 1/],
    ["NaN", () => greedySearch(() => tensor([[0, NaN]]), search), /finite scores or -Infinity, got NaN for token 1/],
    ["nothing", () => greedySearch(() => tensor([[-Infinity, -Infinity]]), search), /allowed in every row, got 2/],
    ["no end", () => greedySearch(() => tensor([[-Infinity, 0]]), search), /text of 3 tokens may end, got -Infinity/],
    ["no end", () => beamSearch(() => tensor([[-Infinity, 0], [-Infinity, 0]]), options), /may end/], // biome-ignore format: short
  ];
  for (const [name, run, message] of cases)
    it(`are told: ${name}`, async () => {
      await expect(run()).rejects.toThrow(message);
    });
});
