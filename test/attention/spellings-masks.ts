// Masks that depend on positions alone: causal in every way people write it, with an offset, windows, prefixes, patterns.

import { arange, causalMask, full, ones, type Tensor, tensor, tril, triu, where, zeros } from "../../src/index.js";
import { B, CROSS, D, H, held, masked, N, S, type Spelling, type SpellingOptions, spelling, T } from "./spelling.js";

const INFINITE = Number.NEGATIVE_INFINITY;
const LOWEST = -3.4028234663852886e38; // torch.finfo(torch.float32).min
const CONTEXT = 16;

const [rows, columns] = [() => arange(N).view(N, 1), () => arange(N)];

/** As `masked`, for queries and keys of unequal lengths. */
const unequal = (name: string, mask: (scores: Tensor) => Tensor, options: SpellingOptions = {}): Spelling =>
  spelling(
    name,
    CROSS,
    (q, k, v) =>
      mask(q.matmul(k.mT).div(Math.sqrt(D)))
        .softmax(-1)
        .matmul(v),
    options,
  );

/** generate_square_subsequent_mask as PyTorch had it for years. */
function squareSubsequentMask(n: number): Tensor {
  const mask = triu(ones(n, n)).eq(1).transpose(0, 1);
  return mask.float().maskedFill(mask.eq(false), INFINITE).maskedFill(mask.eq(true), 0);
}

/** The Annotated Transformer's subsequent_mask. */
const subsequentMask = (n: number): Tensor =>
  triu(ones(1, n, n), 1)
    .to("i32")
    .eq(0);

export const MASKS: readonly Spelling[] = [
  masked("causal: added, causalMask", (s) => s.add(causalMask(N))),
  masked("causal: added, triu of -inf", (s) => s.add(triu(full([N, N], INFINITE), 1))),
  masked("causal: added, full(-inf).triu(1) in four dimensions", (s) => s.add(full([1, 1, N, N], INFINITE).triu(1))),
  masked("causal: added, from a buffer sliced to T", (s) => s.add(held(causalMask(CONTEXT)).at(`:${N}`, `:${N}`))),
  masked("causal: added, from a buffer narrowed", (s) =>
    s.add(held(causalMask(CONTEXT)).narrow(0, 0, N).narrow(1, 0, N)),
  ),
  masked("causal: added, PyTorch's square subsequent mask", (s) => s.add(squareSubsequentMask(N))),
  masked("causal: added, PyTorch's square subsequent mask as a buffer", (s) => s.add(held(squareSubsequentMask(N)))),
  masked("causal: filled, triu as bool", (s) => s.maskedFill(triu(ones(N, N), 1).bool(), INFINITE)),
  masked("causal: filled, tril == 0", (s) => s.maskedFill(tril(ones(N, N)).eq(0), INFINITE)),
  masked("causal: filled, nanoGPT's bias buffer", (s) =>
    s.maskedFill(
      held(tril(ones(CONTEXT, CONTEXT)).view(1, 1, CONTEXT, CONTEXT))
        .at(":", ":", `:${N}`, `:${N}`)
        .eq(0),
      INFINITE,
    ),
  ),
  masked("causal: filled, a bool buffer sliced to T", (s) =>
    s.maskedFill(held(triu(ones(CONTEXT, CONTEXT), 1).bool()).at(`:${N}`, `:${N}`), INFINITE),
  ),
  masked("causal: filled with -1e9, the Annotated Transformer's", (s) =>
    s.maskedFill(subsequentMask(N).eq(false), -1e9),
  ),
  masked("causal: filled with -1e4", (s) => s.maskedFill(tril(ones(N, N)).eq(0), -1e4)),
  masked("causal: filled with the lowest float", (s) => s.maskedFill(rows().lt(columns()), LOWEST)),
  masked("causal: filled with a tensor", (s) => s.maskedFill(rows().lt(columns()), tensor(LOWEST))),
  spelling(
    "causal: filled before the scale, the scale inside the softmax",
    [`f32[${N},${D}]`, `f32[${N},${D}]`, `f32[${N},${D}]`],
    (q, k, v) => {
      const scores = q.matmul(k.T);
      const hidden = held(triu(ones(CONTEXT, CONTEXT), 1))
        .bool()
        .at(`:${N}`, `:${N}`);
      return scores
        .maskedFill(hidden, INFINITE)
        .div(k.shape[1] ** 0.5)
        .softmax(-1)
        .matmul(v);
    },
  ),
  masked("causal: where", (s) => where(tril(ones(N, N)).bool(), s, INFINITE)),
  masked("causal: where, with GPT-2's tensors", (s) =>
    where(
      held(tril(ones(CONTEXT, CONTEXT)).bool().view(1, 1, CONTEXT, CONTEXT)).at(":", ":", `:${N}`, `:${N}`),
      s,
      full([], LOWEST),
    ),
  ),
  masked("causal: where, a tensor of -inf like the scores", (s) =>
    where(rows().ge(columns()), s, full([B, H, N, N], INFINITE)),
  ),
  masked("causal: scores.where(keep, -inf)", (s) => s.where(columns().le(rows()), INFINITE)),
  masked("causal: GPT-2's first code, w * b - 1e10 * (1 - b)", (s) => {
    const b = tril(ones(N, N));
    return s.mul(b).sub(b.neg().add(1).mul(1e10));
  }),
  masked("causal: 0/1 arithmetic with a buffer", (s) => {
    const b = held(tril(ones(N, N)));
    return s.mul(b).add(b.sub(1).mul(1e9));
  }),
  masked("causal: (1 - mask) * -10000 added", (s) => s.add(tril(ones(N, N)).neg().add(1).mul(-10000))),
  masked("causal: the logarithm of a 0/1 mask added", (s) => s.add(tril(ones(N, N)).log())),
  masked("causal: fill of a fresh mask, added", (s) =>
    s.add(zeros(N, N).maskedFill(tril(ones(N, N)).logicalNot(), INFINITE)),
  ),
  masked("causal: added and filled, both", (s) => s.add(causalMask(N)).maskedFill(columns().gt(rows()), INFINITE)),
  masked("causal: the indices as floats", (s) => s.maskedFill(columns().float().sub(rows().float()).gt(0), INFINITE)),
  masked("causal: 1 + floor of the difference", (s) =>
    s.maskedFill(columns().sub(rows()).clamp(0, 1).bool(), INFINITE),
  ),
  masked("causal: cumsum of ones as positions", (s) => {
    const positions = ones(N).cumsum(0);
    return s.maskedFill(positions.view(1, N).gt(positions.view(N, 1)), INFINITE);
  }),
  masked("anticausal: a position and what follows", (s) => s.add(full([N, N], INFINITE).tril(-1))),
  masked("strictly causal but for the first", (s) =>
    s.maskedFill(columns().ge(rows()).logicalAnd(rows().gt(0)), INFINITE),
  ),

  unequal("causal with an offset: causalMask", (s) => s.add(causalMask(T, S))),
  unequal("causal with an offset: tril(S - T)", (s) =>
    s.maskedFill(
      ones(T, S)
        .tril(S - T)
        .eq(0),
      INFINITE,
    ),
  ),
  unequal("causal with an offset: triu(S - T + 1)", (s) => s.add(full([T, S], INFINITE).triu(S - T + 1))),
  unequal("causal with an offset: last rows of a buffer, as GPT-2 with a cache", (s) =>
    where(held(tril(ones(CONTEXT, CONTEXT)).bool()).at(`${S - T}:${S}`, `:${S}`), s, LOWEST),
  ),
  unequal("causal with an offset: positions", (s) =>
    s.maskedFill(
      arange(S).gt(
        arange(T)
          .view(T, 1)
          .add(S - T),
      ),
      INFINITE,
    ),
  ),
  unequal("causal with an offset that the host sets", (s) =>
    s.maskedFill(
      arange(S).gt(
        arange(T)
          .add(held(tensor(2, { dtype: "i32" })))
          .view(T, 1),
      ),
      INFINITE,
    ),
  ),
  unequal("causal with an offset below zero, the first row sees one key", (s) =>
    s.maskedFill(arange(S).gt(arange(T).view(T, 1).floorDivide(2)), INFINITE),
  ),
  unequal("only the first keys, whose number the host sets", (s) =>
    s.maskedFill(arange(S).ge(held(tensor(4, { dtype: "i32" }))), INFINITE),
  ),

  masked("sliding window: two comparisons", (s) => {
    const keep = columns()
      .le(rows())
      .logicalAnd(columns().gt(rows().sub(3)));
    return s.maskedFill(keep.logicalNot(), INFINITE);
  }),
  masked("sliding window: triu of tril", (s) => s.maskedFill(ones(N, N).tril().triu(-2).eq(0), INFINITE)),
  masked("sliding window: two masks added", (s) => s.add(causalMask(N)).add(full([N, N], INFINITE).tril(-3))),
  masked("sliding window: where of where", (s) =>
    where(rows().ge(columns()), where(rows().sub(columns()).lt(3), s, INFINITE), INFINITE),
  ),
  masked("a window on both sides: |t - s| <= 2", (s) => s.maskedFill(rows().sub(columns()).abs().gt(2), INFINITE)),
  masked("a window on both sides: banded ones", (s) => s.add(ones(N, N).triu(-2).tril(2).neg().add(1).mul(-1e9))),
  masked("a window that the host sets", (s) => {
    const width = held(tensor(3, { dtype: "i32" }));
    const distance = rows().sub(columns());
    return s.maskedFill(distance.lt(0).logicalOr(distance.ge(width)), INFINITE);
  }),
  masked("dilated: every second position before", (s) => {
    const distance = rows().sub(columns());
    return s.maskedFill(distance.lt(0).logicalOr(distance.remainder(2).ne(0)), INFINITE);
  }),
  masked("blocks of three", (s) => s.maskedFill(rows().floorDivide(3).ne(columns().floorDivide(3)), INFINITE)),
  masked("a prefix all may see, causal after it", (s) =>
    s.maskedFill(columns().le(rows()).logicalOr(columns().lt(4)).logicalNot(), INFINITE),
  ),
  masked("the first keys always, then a window", (s) => {
    const near = rows().sub(columns()).lt(3).logicalOr(columns().lt(1));
    return where(near.logicalAnd(columns().le(rows())), s, INFINITE);
  }),
];
