// How several heads come about and go: one head without an axis, split, chunk, views, batches of heads, loops.

import { cat, causalMask, einsum, ones, stack, type Tensor, tril } from "../../src/index.js";
import { B, C, D, H, held, N, RESIDUAL, S, type Spelling, spelling, T } from "./spelling.js";

const root = Math.sqrt(D);
const SQUARE = `f32[${C},${C}]`;
const TRIPLE = `f32[${C},${3 * C}]`;
const MEMORY = `f32[${B},${S},${C}]`;
const WIDE = `f32[${B},${T},${C}]`;
/** Projected queries, keys and values of all heads side by side. */
const SIDE_BY_SIDE = [WIDE, MEMORY, MEMORY];

/** Scaled dot-product attention as a function, as everyone has one. */
function attend(q: Tensor, k: Tensor, v: Tensor, mask?: Tensor): Tensor {
  const scores = q.matmul(k.transpose(-2, -1)).div(Math.sqrt(q.shape[q.ndim - 1]));
  return (mask ? scores.add(mask) : scores).softmax(-1).matmul(v);
}

const toHeads = (x: Tensor) => x.view(x.shape[0], x.shape[1], H, -1).transpose(1, 2); // [B,H,T,D]
const fromHeads = (x: Tensor) => x.transpose(1, 2).contiguous().view(x.shape[0], x.shape[2], -1); // [B,T,C]

export const HEADS: readonly Spelling[] = [
  spelling("one head, [B,T,D]", [`f32[${B},${T},${D}]`, `f32[${B},${S},${D}]`, `f32[${B},${S},${D}]`], attend),
  spelling("one head, [T,D]", [`f32[${T},${D}]`, `f32[${S},${D}]`, `f32[${S},${D}]`], attend),
  spelling(
    "one head, projections as matrices, x W",
    [`f32[${N},${C}]`, `f32[${C},${D}]`, `f32[${C},${D}]`, `f32[${C},${D}]`],
    (x, wq, wk, wv) =>
      x
        .matmul(wq)
        .matmul(x.matmul(wk).T)
        .div(D ** 0.5)
        .softmax(-1)
        .matmul(x.matmul(wv)),
  ),
  spelling(
    "one head, causal, projections of a batch",
    [RESIDUAL, `f32[${C},${D}]`, `f32[${C},${D}]`, `f32[${C},${D}]`],
    (x, wq, wk, wv) => attend(x.matmul(wq), x.matmul(wk), x.matmul(wv), causalMask(N)),
  ),

  spelling("heads by view and transpose", SIDE_BY_SIDE, (q, k, v) =>
    fromHeads(attend(toHeads(q), toHeads(k), toHeads(v))),
  ),
  spelling("heads by reshape and permute", SIDE_BY_SIDE, (q, k, v) => {
    const [a, b, c] = [q, k, v].map((x) => x.reshape(B, -1, H, D).permute(0, 2, 1, 3));
    return attend(a, b, c).permute(0, 2, 1, 3).reshape(B, T, C);
  }),
  spelling("heads by unflatten and flatten", SIDE_BY_SIDE, (q, k, v) => {
    const [a, b, c] = [q, k, v].map((x) => x.unflatten(-1, [H, D]).transpose(1, 2));
    return attend(a, b, c).transpose(1, 2).flatten(-2);
  }),
  spelling("heads interleaved: view(B, T, D, H)", SIDE_BY_SIDE, (q, k, v) => {
    const [a, b, c] = [q, k, v].map((x) => x.view(B, -1, D, H).permute(0, 3, 1, 2));
    return attend(a, b, c).permute(0, 2, 3, 1).reshape(B, T, C);
  }),
  spelling("fused projection and split", [RESIDUAL, TRIPLE], (x, w) => {
    const [q, k, v] = x.matmul(w).split(C, -1);
    return fromHeads(attend(toHeads(q), toHeads(k), toHeads(v), causalMask(N)));
  }),
  spelling("fused projection and chunk, with an output projection", [RESIDUAL, TRIPLE, SQUARE], (x, w, o) => {
    const [q, k, v] = x.matmul(w).chunk(3, -1).map(toHeads);
    return fromHeads(attend(q, k, v)).matmul(o);
  }),
  spelling("fused projection, permute(2, 0, 3, 1, 4) and unbind, as timm", [RESIDUAL, TRIPLE], (x, w) => {
    const [q, k, v] = x.matmul(w).reshape(B, N, 3, H, D).permute(2, 0, 3, 1, 4).unbind(0);
    return attend(q, k, v).transpose(1, 2).reshape(B, N, C);
  }),
  spelling("fused projection by head: view(B, T, H, 3 D), then split, as GPT-NeoX", [RESIDUAL, TRIPLE], (x, w) => {
    const [q, k, v] = x
      .matmul(w)
      .view(B, N, H, 3 * D)
      .transpose(1, 2)
      .chunk(3, -1);
    return fromHeads(attend(q, k, v, causalMask(N)));
  }),
  spelling("fused projection by slices", [RESIDUAL, TRIPLE], (x, w) => {
    const all = x.matmul(w);
    const [q, k, v] = [all.at("...", `:${C}`), all.at("...", `${C}:${2 * C}`), all.at("...", `${2 * C}:`)];
    return fromHeads(attend(toHeads(q), toHeads(k), toHeads(v)));
  }),
  spelling(
    "query projected alone, key and value together",
    [WIDE, MEMORY, SQUARE, `f32[${C},${2 * C}]`],
    (x, memory, wq, wkv) => {
      const [k, v] = memory.matmul(wkv).chunk(2, -1).map(toHeads);
      return fromHeads(attend(toHeads(x.matmul(wq)), k, v));
    },
  ),
  spelling("cross attention: three projections", [WIDE, MEMORY, SQUARE, SQUARE, SQUARE], (x, memory, wq, wk, wv) =>
    fromHeads(attend(toHeads(x.matmul(wq)), toHeads(memory.matmul(wk)), toHeads(memory.matmul(wv)))),
  ),
  spelling(
    "projections by einsum, weights [C,H,D]",
    [RESIDUAL, `f32[${C},${H},${D}]`, `f32[${C},${H},${D}]`, `f32[${C},${H},${D}]`, `f32[${H},${D},${C}]`],
    (x, wq, wk, wv, wo) => {
      const [q, k, v] = [wq, wk, wv].map((w) => einsum("btc,chd->bthd", x, w));
      const pattern = einsum("bthd,bshd->bhts", q.mul(D ** -0.5), k).softmax(-1);
      return einsum("bthd,hdc->btc", einsum("bhts,bshd->bthd", pattern, v), wo);
    },
  ),

  spelling("heads in the batch: D2L's transposeQkv", SIDE_BY_SIDE, (q, k, v) => {
    const transposeQkv = (x: Tensor) =>
      x
        .reshape(B, x.shape[1], H, -1)
        .permute(0, 2, 1, 3)
        .reshape(B * H, x.shape[1], -1);
    const output = attend(transposeQkv(q), transposeQkv(k), transposeQkv(v)); // [B H,T,D]
    return output.reshape(-1, H, T, D).permute(0, 2, 1, 3).reshape(B, T, C);
  }),
  spelling("heads in the batch: cat of splits", SIDE_BY_SIDE, (q, k, v) => {
    const [a, b, c] = [q, k, v].map((x) => cat(x.split(D, 2), 0)); // [H B,T,D]
    return cat(attend(a, b, c).split(B, 0), 2);
  }),
  spelling(
    "heads in the batch: positions first, as fairseq",
    [`f32[${T},${B},${C}]`, `f32[${S},${B},${C}]`, `f32[${S},${B},${C}]`],
    (q, k, v) => {
      const [a, b, c] = [q, k, v].map((x) =>
        x
          .contiguous()
          .view(-1, B * H, D)
          .transpose(0, 1),
      );
      return attend(a, b, c).transpose(0, 1).contiguous().view(T, B, C);
    },
  ),
  spelling("heads in the batch, then seen apart for the softmax", SIDE_BY_SIDE, (q, k, v) => {
    const [a, b, c] = [q, k, v].map((x) => toHeads(x).reshape(B * H, -1, D));
    const pattern = a
      .matmul(b.mT)
      .view(B, H, T, S)
      .div(root)
      .softmax(-1)
      .view(B * H, T, S);
    return pattern.matmul(c).view(B, H, T, D).transpose(1, 2).reshape(B, T, C);
  }),
  spelling(
    "batches of windows: five dimensions",
    [`f32[${B},4,${H},${N},${D}]`, `f32[${B},4,${H},${N},${D}]`, `f32[${B},4,${H},${N},${D}]`],
    (q, k, v) => attend(q, k, v, causalMask(N)),
  ),

  spelling("a loop over heads: slices and cat", SIDE_BY_SIDE, (q, k, v) => {
    const mixed: Tensor[] = [];
    for (let h = 0; h < H; h++) {
      const [a, b, c] = [q, k, v].map((x) => x.at("...", `${h * D}:${(h + 1) * D}`));
      mixed.push(a.matmul(b.transpose(-2, -1)).div(root).softmax(-1).matmul(c));
    }
    return cat(mixed, -1);
  }),
  spelling("a loop over heads: splits and cat, causal", [RESIDUAL, TRIPLE], (x, w) => {
    const [q, k, v] = x
      .matmul(w)
      .split(C, -1)
      .map((y) => y.split(D, -1));
    return cat(
      q.map((_, h) => attend(q[h], k[h], v[h], causalMask(N))),
      2,
    );
  }),
  spelling(
    "a loop over heads: select and stack",
    [`f32[${B},${H},${T},${D}]`, `f32[${B},${H},${S},${D}]`, `f32[${B},${H},${S},${D}]`],
    (q, k, v) =>
      stack(
        Array.from({ length: H }, (_, h) => attend(q.at(":", h), k.at(":", h), v.at(":", h))),
        1,
      ),
  ),
  spelling(
    "a loop over heads: unbind and stack",
    [`f32[${H},${T},${D}]`, `f32[${H},${S},${D}]`, `f32[${H},${S},${D}]`],
    (q, k, v) => {
      const [a, b, c] = [q.unbind(0), k.unbind(0), v.unbind(0)];
      return stack(a.map((_, h) => attend(a[h], b[h], c[h])));
    },
  ),
  spelling(
    "a loop over heads: projections of their own",
    [RESIDUAL, ...Array.from({ length: 3 * H }, () => `f32[${C},${D}]`)],
    (x, ...w) => {
      const hidden = held(tril(ones(16, 16)).eq(0)).at(`:${N}`, `:${N}`);
      const heads = Array.from({ length: H }, (_, h) => {
        const [q, k, v] = w.slice(3 * h, 3 * h + 3).map((weight) => x.matmul(weight));
        return q.matmul(k.mT).maskedFill(hidden, Number.NEGATIVE_INFINITY).div(root).softmax(-1).matmul(v);
      });
      return cat(heads, -1);
    },
  ),
  spelling("a loop over heads: projections of one stack of weights", [RESIDUAL, `f32[3,${H},${C},${D}]`], (x, w) =>
    cat(
      Array.from({ length: H }, (_, h) => {
        const [q, k, v] = [0, 1, 2].map((i) => x.matmul(w.at(i, h)));
        return attend(q, k, v);
      }),
      -1,
    ),
  ),
];
