// Keys and values that several queries share: grouped and multi-query heads, queries without a batch, one query for pooling.

import { causalMask, einsum, type Tensor } from "../../src/index.js";
import { B, D, E, given, N, S, type Spelling, spelling, T } from "./spelling.js";

const [GROUPS, SIZE] = [2, 4]; // heads of keys, queries that share one
const H = GROUPS * SIZE;
const root = Math.sqrt(D);

const QUERY = `f32[${B},${H},${T},${D}]`;
const GROUPED = [QUERY, `f32[${B},${GROUPS},${S},${D}]`, `f32[${B},${GROUPS},${S},${E}]`];
const SELF = [`f32[${B},${H},${N},${D}]`, `f32[${B},${GROUPS},${N},${D}]`, `f32[${B},${GROUPS},${N},${D}]`];
const ONE = [QUERY, `f32[${B},1,${S},${D}]`, `f32[${B},1,${S},${E}]`];
const HEADLESS = [QUERY, `f32[${B},${S},${D}]`, `f32[${B},${S},${E}]`];

const attend = (q: Tensor, k: Tensor, v: Tensor) => q.matmul(k.transpose(-2, -1)).div(root).softmax(-1).matmul(v);

/** Llama's repeat_kv: [B,G,S,D] to [B,H,S,D]. */
function repeatKeyValue(x: Tensor): Tensor {
  const [b, groups, s, d] = x.shape;
  return x
    .at(":", ":", null)
    .expand(b, groups, SIZE, s, d)
    .reshape(b, groups * SIZE, s, d);
}

const shared = (name: string, widen: (x: Tensor) => Tensor, inputs: readonly string[]): Spelling =>
  spelling(name, inputs, (q, k, v) => attend(q, widen(k), widen(v)));

export const SHARED: readonly Spelling[] = [
  shared("grouped: repeat_kv, expand and reshape", repeatKeyValue, GROUPED),
  shared("grouped: repeatInterleave", (x) => x.repeatInterleave(SIZE, 1), GROUPED),
  shared("grouped: repeat, query heads h and h + G share", (x) => x.repeat(1, SIZE, 1, 1), GROUPED),
  shared("grouped: unsqueeze, repeat, view", (x) => x.unsqueeze(2).repeat(1, 1, SIZE, 1, 1).view(B, H, S, -1), GROUPED),
  shared("grouped: keys picked by an index", (x) => x.indexSelect(1, given([0, 0, 0, 0, 1, 1, 1, 1], "i32")), GROUPED),
  spelling("grouped: repeat_kv, causal", SELF, (q, k, v) =>
    q.matmul(repeatKeyValue(k).transpose(2, 3)).div(root).add(causalMask(N)).softmax(-1).matmul(repeatKeyValue(v)),
  ),
  spelling("grouped: queries seen as [B,G,n,T,D], keys broadcast", GROUPED, (q, k, v) =>
    attend(q.view(B, GROUPS, SIZE, T, D), k.unsqueeze(2), v.unsqueeze(2)).view(B, H, T, E),
  ),
  spelling("grouped: queries seen as [B,G,n,T,D], causal", SELF, (q, k, v) => {
    const scores = q
      .view(B, GROUPS, SIZE, N, D)
      .matmul(k.unsqueeze(2).mT)
      .mul(D ** -0.5);
    return scores.add(causalMask(N)).softmax(-1).matmul(v.unsqueeze(2)).view(B, H, N, D);
  }),
  spelling("grouped: einsum bgntd,bgsd->bgnts", GROUPED, (q, k, v) => {
    const pattern = einsum("bgntd,bgsd->bgnts", q.view(B, GROUPS, SIZE, T, D), k)
      .div(root)
      .softmax(-1);
    return einsum("bgnts,bgse->bgnte", pattern, v).reshape(B, H, T, E);
  }),
  spelling(
    "grouped: einsum btgnd,bsgd->bgnts, groups in front of their queries",
    [`f32[${B},${T},${GROUPS},${SIZE},${D}]`, `f32[${B},${S},${GROUPS},${D}]`, `f32[${B},${S},${GROUPS},${D}]`],
    (q, k, v) => einsum("bgnts,bsgd->btgnd", einsum("btgnd,bsgd->bgnts", q, k).div(root).softmax(-1), v),
  ),
  spelling("grouped: queries of a group as rows of one matrix", GROUPED, (q, k, v) =>
    attend(q.view(B, GROUPS, SIZE * T, D), k, v).view(B, H, T, E),
  ),
  spelling(
    "grouped: from a fused projection of unequal parts",
    [`f32[${B},${N},6]`, `f32[6,${(H + 2 * GROUPS) * D}]`],
    (x, w) => {
      const [q, k, v] = x.matmul(w).split([H * D, GROUPS * D, GROUPS * D], -1);
      const heads = (y: Tensor) => y.view(B, N, -1, D).transpose(1, 2);
      return attend(heads(q), repeatKeyValue(heads(k)), repeatKeyValue(heads(v)))
        .transpose(1, 2)
        .reshape(B, N, H * D);
    },
  ),

  shared("multi-query: broadcast", (x) => x, ONE),
  shared("multi-query: expand", (x) => x.expand(B, H, S, x.shape[3]), ONE),
  shared("multi-query: repeat", (x) => x.repeat(1, H, 1, 1), ONE),
  shared("multi-query: unsqueeze", (x) => x.unsqueeze(1), HEADLESS),
  spelling("multi-query: einsum bhtd,bsd->bhts", HEADLESS, (q, k, v) =>
    einsum(
      "bhts,bse->bhte",
      einsum("bhtd,bsd->bhts", q, k)
        .mul(D ** -0.5)
        .softmax(-1),
      v,
    ),
  ),
  spelling("multi-query: heads as rows of one matrix", HEADLESS, (q, k, v) =>
    attend(q.reshape(B, H * T, D), k, v).view(B, H, T, E),
  ),
  spelling(
    "multi-query: one key head, a value for each",
    [QUERY, `f32[${B},1,${S},${D}]`, `f32[${B},${H},${S},${E}]`],
    attend,
  ),

  spelling("learned queries without a batch", [`f32[${T},${D}]`, `f32[${B},${S},${D}]`, `f32[${B},${S},${E}]`], attend),
  spelling(
    "learned queries expanded to the batch",
    [`f32[${T},${D}]`, `f32[${B},${S},${D}]`, `f32[${B},${S},${E}]`],
    (q, k, v) => attend(q.unsqueeze(0).expand(B, T, D), k, v),
  ),
  spelling(
    "keys and values without a batch, a memory of all",
    [QUERY, `f32[${H},${S},${D}]`, `f32[${H},${S},${E}]`],
    attend,
  ),
  spelling("the last position's hidden state asks all, [B,1,D]", [`f32[${B},${N},${D}]`], (x) =>
    attend(x.at(":", "-1:"), x, x).squeeze(1),
  ),
];
