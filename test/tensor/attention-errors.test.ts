// What bad input to attention gets: an error that names the function, what was expected, what came with its shapes, and what to do.

import { expect, it } from "vitest";
import { describe as describeTensor } from "../../src/base/shape.js";
import {
  type AttentionMask,
  type AttentionOptions,
  additiveAttention,
  attention,
  causalMask,
  HeedError,
  ones,
  type ScaledDotProductAttentionOptions,
  scaledDotProductAttention,
  type Tensor,
  tensor,
  where,
  zeros,
} from "../../src/index.js";
import { alibi, alibiBias } from "../../src/nn/index.js";

const q = ones(2, 4, 3, 8);
const kv = ones(2, 4, 5, 8);
const NAN = Number.NaN;
const INFINITY = Number.POSITIVE_INFINITY;

/** Calls that a typed program cannot make, but JavaScript can. */
const wrongly = <X>(x: unknown) => x as X;
const withMask = (mask: unknown) => () => attention(q, kv, kv, { mask: wrongly<AttentionMask>(mask) });
const withOptions = (options: object) => () => attention(q, kv, kv, options as AttentionOptions);
const sdpa = (options: ScaledDotProductAttentionOptions) => () => scaledDotProductAttention(q, kv, kv, options);

const ROWS: [label: string, body: () => unknown, message: string][] = [
  [
    "lengths of key and value",
    () => attention(ones(2, 8, 16, 64), ones(2, 8, 16, 64), ones(2, 8, 12, 64)),
    "attention: expected key and value of equal length S, got key f32[2,8,16,64] and value f32[2,8,12,64]",
  ],
  [
    "widths",
    () => attention(q, ones(2, 4, 5, 6), kv),
    "attention: expected query and key of equal head width D, got query f32[2,4,3,8] and key f32[2,4,5,6]",
  ],
  [
    "heads that do not divide",
    () => attention(q, ones(2, 3, 5, 8), ones(2, 3, 5, 8)),
    "attention: expected query heads that the key and value heads divide, got query f32[2,4,3,8] and key f32[2,3,5,8]; the layout is [B,H,T,D]",
  ],
  [
    "more key heads than query heads",
    () => attention(q, ones(2, 8, 5, 8), ones(2, 8, 5, 8)),
    "attention: expected query heads that the key and value heads divide, got query f32[2,4,3,8] and key f32[2,8,5,8]",
  ],
  [
    "no key heads",
    () => attention(q, ones(2, 0, 5, 8), ones(2, 0, 5, 8)),
    "attention: expected query heads that the key and value heads divide, got query f32[2,4,3,8] and key f32[2,0,5,8]",
  ],
  [
    "heads of key and value",
    () => attention(q, ones(2, 2, 5, 8), kv),
    "attention: expected key and value with equally many heads, got key f32[2,2,5,8] and value f32[2,4,5,8]",
  ],
  [
    "batch sizes",
    () => attention(q, kv, ones(1, 4, 5, 8)),
    "attention: expected query, key and value of equal batch size B, got query f32[2,4,3,8], key f32[2,4,5,8] and value f32[1,4,5,8]",
  ],
  [
    "ranks that differ",
    () => attention(q, ones(5, 8), ones(5, 8)),
    "attention: expected query, key and value all as [B,H,T,D], all as [B,T,D] or all as [T,D], got query f32[2,4,3,8], key f32[5,8] and value f32[5,8]",
  ],
  ["too few axes", () => attention(ones(3), ones(3), ones(3)), "attention: expected query, key and value all as"],
  [
    "too many axes",
    () => attention(ones(1, 1, 1, 2, 3), ones(1, 1, 1, 2, 3), ones(1, 1, 1, 2, 3)),
    "attention: expected query, key and value all as [B,H,T,D], all as [B,T,D] or all as [T,D], got query f32[1,1,1,2,3]",
  ],
  [
    "integers",
    () => attention(q, kv.int(), kv),
    "attention: expected float query, key and value, got query f32[2,4,3,8], key i32[2,4,5,8] and value f32[2,4,5,8]; convert them with .float()",
  ],
  [
    "no tensor",
    () => attention(q, kv, wrongly<Tensor>([1])),
    "attention: expected value as a tensor, got an array of 1 number; make it one with tensor(...)",
  ],
  [
    "a mask in place of options",
    () => attention(q, kv, kv, wrongly<AttentionOptions>(ones(3, 5))),
    "attention: expected an object of options, got f32[3,5]; pass { mask: ... }",
  ],
  [
    "null in place of options",
    () => attention(q, kv, kv, wrongly<AttentionOptions>(null)),
    "attention: expected an object of options, got null; pass { mask: ... }",
  ],
  [
    "a list in place of options",
    () => attention(q, kv, kv, wrongly<AttentionOptions>([{ kind: "causal" }])),
    "attention: expected an object of options, got an array of 1; pass { mask: ... }",
  ],
  [
    "an option of PyTorch's",
    withOptions({ isCausal: true }),
    'attention: expected options named mask, scale, softcap, dropout, score, sink, got isCausal; write mask: { kind: "causal" }',
  ],
  [
    "an option as PyTorch spells it",
    withOptions({ is_causal: true }),
    'attention: expected options named mask, scale, softcap, dropout, score, sink, got is_causal; write mask: { kind: "causal" }',
  ],
  [
    "PyTorch's mask",
    withOptions({ attnMask: ones(3, 5) }),
    "attention: expected options named mask, scale, softcap, dropout, score, sink, got attnMask; write mask: { kind: ",
  ],
  [
    "an option that is misspelt",
    withOptions({ masks: [] }),
    "attention: expected options named mask, scale, softcap, dropout, score, sink, got masks",
  ],
  [
    "a mask by its kind alone",
    withMask("causal"),
    'attention: expected a mask whose kind is one of none, causal, window, lengths, boolean, additive, got "causal"; write mask: { kind: "causal" }',
  ],
  [
    "a kind that every object has",
    withMask({ kind: "toString" }),
    "attention: expected a mask whose kind is one of none, causal",
  ],
  [
    "a field that is misspelt",
    withMask({ kind: "causal", offest: 3 }),
    "attention: expected a causal mask with the fields kind, offset, got offest",
  ],
  [
    "a field of another kind",
    withMask([{ kind: "window", left: 3, lengths: tensor([1, 2]) }]),
    "attention: expected a window mask with the fields kind, left, right, offset, got lengths",
  ],

  [
    "a mask without a kind",
    withMask(ones(3, 5)),
    "attention: expected a mask that says its kind, got f32[3,5]; write { kind: ",
  ],
  [
    "a mask of unknown kind",
    withMask({ kind: "sliding" }),
    "attention: expected a mask whose kind is one of none, causal, window, lengths, boolean, additive, got sliding; write mask",
  ],
  ["null among masks", withMask([null]), "attention: expected a mask whose kind is one of none, causal"],
  [
    "a boolean mask of floats",
    withMask({ kind: "boolean", keep: ones(3, 5) }),
    "attention: expected keep as a bool tensor, got f32[3,5]; compare it, as in keep.ne(0), or pass",
  ],
  [
    "an additive mask of truth values",
    withMask({ kind: "additive", bias: ones(3, 5, { dtype: "bool" }) }),
    "attention: expected bias as a float tensor, got bool[3,5]; pass { kind: ",
  ],
  [
    "an additive mask of integers",
    withMask({ kind: "additive", bias: ones(3, 5, { dtype: "i32" }) }),
    "attention: expected bias as a float tensor, got i32[3,5]",
  ],
  [
    "a mask that is no tensor",
    withMask({ kind: "boolean", keep: [[true]] }),
    "attention: expected keep as a bool tensor, got an array of 1",
  ],
  [
    "a mask that does not broadcast",
    withMask({ kind: "boolean", keep: ones(5, 3, { dtype: "bool" }) }),
    "attention: expected keep that broadcasts to the scores [2,4,3,5], got bool[5,3]",
  ],
  [
    "a mask that would widen the scores",
    withMask({ kind: "additive", bias: ones(1, 2, 4, 3, 5) }),
    "attention: expected bias that broadcasts to the scores [2,4,3,5], got f32[1,2,4,3,5]",
  ],
  [
    "a mask of batch entries where there are heads",
    () => attention(ones(2, 3, 8), ones(2, 5, 8), ones(2, 5, 8), { mask: { kind: "additive", bias: ones(4, 3, 5) } }),
    "attention: expected bias that broadcasts to the scores [2,3,5], got f32[4,3,5]",
  ],
  [
    "a negative window",
    withMask({ kind: "window", left: -1 }),
    "attention: expected a window whose left is a whole number of at least 0, got -1",
  ],
  [
    "a negative window to the right",
    withMask({ kind: "window", left: 1, right: -2 }),
    "attention: expected a window whose right is a whole number of at least 0, got -2",
  ],
  ["a window without size", withMask({ kind: "window" }), "attention: expected a window whose left is a whole number"],
  [
    "half an offset",
    withMask({ kind: "causal", offset: 0.5 }),
    "attention: expected a whole number as offset, got 0.5",
  ],
  [
    "offsets for other batch entries",
    withMask({ kind: "causal", offset: tensor([1, 2, 3]) }),
    "attention: expected offset as i32[] or i32[2], one for each batch entry, got i32[3]",
  ],
  [
    "an offset in floats",
    withMask({ kind: "window", left: 1, offset: tensor(1.5) }),
    "attention: expected offset as i32[] or i32[2], one for each batch entry, got f32[]; convert it with .int()",
  ],
  [
    "lengths where there is no batch",
    () => attention(ones(3, 8), ones(5, 8), ones(5, 8), { mask: { kind: "lengths", lengths: tensor([1, 2]) } }),
    "attention: expected lengths as i32[], got i32[2]",
  ],
  [
    "lengths that are no tensor",
    withMask({ kind: "lengths", lengths: [1, 2] }),
    "attention: expected lengths as i32[] or i32[2], one for each batch entry, got an array of",
  ],

  ["a dropout of 1", withOptions({ dropout: 1 }), "attention: expected a dropout from 0 to below 1, got 1"],
  ["a negative dropout", withOptions({ dropout: -0.1 }), "attention: expected a dropout from 0 to below 1, got -0.1"],
  ["a dropout that is no number", withOptions({ dropout: NAN }), "attention: expected a dropout from 0 to below 1"],
  ["an infinite scale", withOptions({ scale: INFINITY }), "attention: expected a finite scale, got Infinity"],
  ["a scale that f32 cannot hold", withOptions({ scale: -1e39 }), "attention: expected a finite scale, got -1e+39"],
  ["a softcap too small to divide by", withOptions({ softcap: 1e-40 }), "attention: expected a finite softcap above 0"],
  ["a scale in letters", withOptions({ scale: "1" }), 'attention: expected a finite scale, got "1"'],
  ["a softcap in letters", withOptions({ softcap: "5" }), 'attention: expected a finite softcap above 0, got "5"'],
  [
    "a dropout in letters",
    withOptions({ dropout: "0.1" }),
    'attention: expected a dropout from 0 to below 1, got "0.1"',
  ],
  [
    "a score that is no function",
    withOptions({ score: 0 }),
    "attention: expected score as a function of scores, got 0",
  ],
  [
    "an offset in letters",
    withMask({ kind: "causal", offset: "1" }),
    'attention: expected offset as i32[] or i32[2], one for each batch entry, got "1"',
  ],
  [
    "a window in letters",
    withMask({ kind: "window", left: "3" }),
    'attention: expected a window whose left is a whole number of at least 0, got "3"',
  ],
  [
    "an endless window",
    withMask({ kind: "window", left: INFINITY }),
    "attention: expected a window whose left is a whole number of at least 0, got Infinity",
  ],
  [
    "a softcap of 0",
    withOptions({ softcap: 0 }),
    "attention: expected a finite softcap above 0, got 0; leave it out for none",
  ],
  ["a negative softcap", withOptions({ softcap: -3 }), "attention: expected a finite softcap above 0, got -3"],
  ["an infinite softcap", withOptions({ softcap: INFINITY }), "attention: expected a finite softcap above 0"],
  [
    "a score of another shape",
    withOptions({ score: (scores: Tensor) => scores.sum(-1) }),
    "attention: expected score to return scores f32[2,4,3,5], got f32[2,4,3]",
  ],
  [
    "a score that widens",
    withOptions({ score: (scores: Tensor) => scores.add(zeros(3, 1, 1, 1, 1)) }),
    "attention: expected score to return scores f32[2,4,3,5], got f32[3,2,4,3,5]",
  ],
  [
    "a score that returns truth values",
    withOptions({ score: (scores: Tensor) => scores.gt(0) }),
    "attention: expected score to return scores f32[2,4,3,5], got bool[2,4,3,5]; hide keys by where(keep, scores, -Infinity)",
  ],
  [
    "a score that returns nothing",
    withOptions({ score: () => undefined }),
    "attention: expected score to return scores f32[2,4,3,5], got undefined",
  ],
  [
    "a sink for other heads",
    withOptions({ sink: ones(3) }),
    "attention: expected a float sink [], [4] (one for each head) or [2,4], got f32[3]",
  ],
  ["a sink for each key", withOptions({ sink: ones(1, 4, 3, 1) }), "attention: expected a float sink [], [4]"],
  ["a sink of integers", withOptions({ sink: tensor([1, 2, 3, 4]) }), "attention: expected a float sink [], [4]"],
  ["a sink that is no tensor", withOptions({ sink: 1 }), "attention: expected a float sink [], [4]"],
  ["a sink of nothing", withOptions({ sink: 0 }), "attention: expected a float sink [], [4]"],

  [
    "attnMask with isCausal",
    sdpa({ attnMask: ones(3, 5), isCausal: true }),
    "scaledDotProductAttention: expected attnMask or isCausal, got both, attnMask f32[3,5]; pass one of them",
  ],
  [
    "shared keys that nobody allowed",
    () => scaledDotProductAttention(q, ones(2, 2, 5, 8), ones(2, 2, 5, 8)),
    "scaledDotProductAttention: expected query and key with equally many heads, got query f32[2,4,3,8] and key f32[2,2,5,8]; pass enableGqa: true",
  ],
  [
    "a mask in PyTorch's place",
    () => scaledDotProductAttention(q, kv, kv, wrongly<ScaledDotProductAttentionOptions>(ones(3, 5))),
    "scaledDotProductAttention: expected an object of options, got f32[3,5]; pass { attnMask: ... }",
  ],
  [
    "a mask as attention has it",
    sdpa(wrongly({ mask: { kind: "causal" } })),
    "scaledDotProductAttention: expected options named attnMask, dropoutP, isCausal, scale, enableGqa, got mask; write attnMask, or isCausal: true",
  ],
  [
    "an option as PyTorch spells it",
    sdpa(wrongly({ enable_gqa: true })),
    "scaledDotProductAttention: expected options named attnMask, dropoutP, isCausal, scale, enableGqa, got enable_gqa; write enableGqa",
  ],
  [
    "isCausal in letters",
    sdpa(wrongly({ isCausal: "false" })),
    'scaledDotProductAttention: expected isCausal true or false, got "false"',
  ],
  [
    "attnMask false",
    sdpa(wrongly({ attnMask: false })),
    "scaledDotProductAttention: expected attnMask as a bool or float tensor, got false",
  ],
  [
    "attnMask of integers",
    sdpa({ attnMask: ones(3, 5).int() }),
    "scaledDotProductAttention: expected attnMask as a bool or float tensor, got i32[3,5]",
  ],
  [
    "attnMask that is no tensor",
    sdpa({ attnMask: wrongly<Tensor>([[true]]), isCausal: true }),
    "scaledDotProductAttention: expected attnMask as a bool or float tensor, got an array of",
  ],
  [
    "attnMask that does not broadcast",
    sdpa({ attnMask: ones(5, 3) }),
    "scaledDotProductAttention: expected attnMask that broadcasts to the scores [2,4,3,5], got f32[5,3]",
  ],
  ["dropoutP", sdpa({ dropoutP: 1.5 }), "scaledDotProductAttention: expected a dropout from 0 to below 1, got 1.5"],
  [
    "lengths of key and value",
    () => scaledDotProductAttention(q, kv, ones(2, 4, 4, 8)),
    "scaledDotProductAttention: expected key and value of equal length S, got key f32[2,4,5,8] and value f32[2,4,4,8]",
  ],

  ["a negative size", () => causalMask(-1), "causalMask: expected whole, non-negative sizes, got [-1,-1]"],
  ["half a size", () => causalMask(2.5), "causalMask: expected whole, non-negative sizes, got [2.5,2.5]"],
  [
    "a size in letters",
    () => causalMask(2, wrongly<number>("3")),
    'causalMask: expected whole, non-negative sizes, got [2,"3"]',
  ],
  [
    "options in place of a size",
    () => causalMask(2, wrongly<number>({ offset: 1 })),
    "causalMask: expected whole, non-negative sizes, got [2,",
  ],
  [
    "too large a size",
    () => causalMask(1, 2 ** 31),
    "causalMask: expected fewer than 2^31 elements, got [1,2147483648]",
  ],
  ["half an offset", () => causalMask(2, 3, { offset: 0.5 }), "causalMask: expected a whole number as offset, got 0.5"],
  [
    "an offset that is no number",
    () => causalMask(2, 3, { offset: NAN }),
    "causalMask: expected a whole number as offset, got NaN",
  ],
  [
    "an offset in place of options",
    () => causalMask(2, 3, wrongly<object>(1)),
    "causalMask: expected an object of options, got 1; pass { offset: ... }",
  ],

  [
    "integers",
    () => alibiBias(tensor([1, 2]), tensor([0]), tensor([0])),
    "alibi: expected slopes f32[H], got i32[2]; convert them with .float()",
  ],
  ["slopes of integers", () => alibi(tensor([1, 2])), "alibi: expected slopes f32[H], got i32[2]"],
  [
    "an option of attention's",
    () => additiveAttention(q, kv, kv, ones(8), wrongly<object>({ isCausal: true })),
    'additiveAttention: expected options named mask, dropout, got isCausal; write mask: { kind: "causal" }',
  ],
];

for (const [label, body, message] of ROWS) {
  it(`${message.split(":")[0]}: ${label}`, () => {
    let thrown: unknown;
    try {
      body();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(HeedError);
    expect((thrown as HeedError).message.slice(0, message.length)).toBe(message);
  });
}

it("what comes close to these errors is allowed", () => {
  const masks: AttentionMask[] = [
    { kind: "window", left: 0, right: 0, offset: tensor([0, -2]) },
    { kind: "boolean", keep: ones(2, 1, 1, 5, { dtype: "bool" }) },
    { kind: "additive", bias: ones(1, { dtype: "bf16" }) },
    { kind: "lengths", lengths: tensor([0, 9]) },
  ];
  const mixed = attention(q, kv.narrow(1, 0, 1), kv.narrow(1, 0, 1), {
    mask: masks,
    scale: -2,
    softcap: 1e-3,
    dropout: 0.99,
    sink: tensor(0.5),
    score: (scores, { s }) => where(s.gt(0), scores, Number.NEGATIVE_INFINITY).half(),
  });
  expect(describeTensor(mixed)).toBe("f32[2,4,3,8]");
  expect([...mixed.dataSync()].every(Number.isFinite)).toBe(true);
  const none = { attnMask: null, scale: null, dropoutP: 0, isCausal: false, enableGqa: false };
  expect(describeTensor(scaledDotProductAttention(q, kv, kv, none))).toBe("f32[2,4,3,8]");
});
