import { describe, expect, test } from "vitest";
import { evaluationBatches, normaliseText, splitTokens } from "../../src/text/index.js";

const count = (n: number) => Int32Array.from({ length: n }, (_, i) => i);

describe("splitTokens", () => {
  test("holds back the last part", () => {
    const tokens = count(25);
    const { train, validation } = splitTokens(tokens, { validation: 0.2 });
    expect([...train]).toEqual([...count(20)]);
    expect([...validation]).toEqual([20, 21, 22, 23, 24]);
    expect(train.buffer).toBe(tokens.buffer);
    expect(splitTokens(tokens).validation.length).toBe(2);
    expect(splitTokens(tokens, { validation: 0, length: 24 }).train.length).toBe(25);
  });

  test("says how many tokens there are and how many are needed", () => {
    expect(() => splitTokens(count(0))).toThrow(
      "splitTokens: expected a text with at least one token, got an empty text",
    );
    expect(() => splitTokens(count(100), { validation: 0.1, length: 16 })).toThrow(
      "splitTokens: expected about 170 tokens, so that both parts have a window of 16 and the token after it, " +
        "got 100 tokens (90 to train on, 10 held back); give more text or a shorter length",
    );
    expect(splitTokens(count(170), { validation: 0.1, length: 16 }).validation.length).toBe(17);
    expect(() => splitTokens(count(8), { validation: 0, length: 8 })).toThrow(
      "about 9 tokens, so that there is a window",
    );
    for (const validation of [-0.1, 1, Number.NaN]) {
      expect(() => splitTokens(count(9), { validation })).toThrow("validation from 0 to below 1");
    }
  });
});

describe("evaluationBatches", () => {
  test("gives the windows in order, the last batch smaller", () => {
    const batches = [...evaluationBatches(count(23), { batch: 2, length: 4 })];
    expect(batches.map((b) => `${b.batch} of ${b.length}`)).toEqual(["2 of 4", "2 of 4", "1 of 4"]);
    expect([...batches[0]!.inputs]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect([...batches[0]!.targets]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect([...batches[2]!.inputs]).toEqual([16, 17, 18, 19]);
    expect([...batches[2]!.targets]).toEqual([17, 18, 19, 20]);
  });

  test("can be gone through again, cut short and made to overlap", () => {
    const batches = evaluationBatches(count(23), { batch: 2, length: 4, stride: 1, limit: 3 });
    for (let pass = 0; pass < 2; pass++) {
      expect([...batches].map((b) => b.inputs[0])).toEqual([0, 2, 4]);
    }
    expect([...evaluationBatches(count(23), { batch: 30, length: 4, stride: 1 })][0]!.batch).toBe(19);
    expect([...evaluationBatches(count(5), { batch: 3, length: 4 })].map((b) => [...b.targets])).toEqual([
      [1, 2, 3, 4],
    ]);
  });

  test("refuses a text without a window at once", () => {
    const options = { batch: 2, length: 8 };
    expect(() => evaluationBatches(count(8), options)).toThrow(
      "evaluationBatches: expected at least 9 tokens for a window of 8 and the token after it, got 8 tokens; give more text",
    );
    expect(() => evaluationBatches(count(1), options)).toThrow("got 1 token;");
    expect(() => evaluationBatches(count(0), options)).toThrow("got an empty text (0 tokens)");
    expect(() => evaluationBatches(count(9), { batch: 0, length: 8 })).toThrow(
      "batch to be a whole number from 1, got 0",
    );
    expect(() => evaluationBatches(count(9), { batch: 1, length: 1.5 })).toThrow("length to be a whole number");
    expect(() => evaluationBatches(count(9), { batch: 1, length: 2, stride: -1 })).toThrow(
      "stride to be a whole number",
    );
  });
});

test("normaliseText drops the byte order mark and foreign line ends", () => {
  expect(normaliseText("\ufeffa\r\nb\rc\n\n\ufeff")).toBe("a\nb\nc\n\n\ufeff");
});
