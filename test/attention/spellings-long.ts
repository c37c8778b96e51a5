// Lengths and widths beyond one tile or vector of any kernel, ragged, with each kind of score expression.

import { arange, cat, causalMask, dropout, full, type Tensor, where } from "../../src/index.js";
import { given, held, type Spelling, type SpellingOptions, spelling } from "./spelling.js";

const [H, T, S, D, E] = [2, 67, 131, 16, 40];
const root = Math.sqrt(D);
const CROSS = [`f32[1,${H},${T},${D}]`, `f32[1,${H},${S},${D}]`, `f32[1,${H},${S},${E}]`];
const SELF = [`f32[1,${H},${S},${D}]`, `f32[1,${H},${S},${D}]`, `f32[1,${H},${S},${D}]`];
const INFINITE = Number.NEGATIVE_INFINITY;

const long = (
  name: string,
  inputs: readonly string[],
  change: (scores: Tensor, ...more: Tensor[]) => Tensor,
  options: SpellingOptions = {},
): Spelling =>
  spelling(
    `long: ${name}`,
    inputs,
    (q, k, v, ...more) =>
      change(q.matmul(k.mT).div(root), ...more)
        .softmax(-1)
        .matmul(v),
    options,
  );

const wide = (width: number) => [`f32[1,1,19,${width}]`, `f32[1,1,35,${width}]`, `f32[1,1,35,${width}]`];

export const LONG: readonly Spelling[] = [
  long("plain", CROSS, (s) => s),
  long("causal", SELF, (s) => s.add(causalMask(S))),
  long("causal with an offset", CROSS, (s) =>
    s.maskedFill(
      arange(S).gt(
        arange(T)
          .view(T, 1)
          .add(S - T),
      ),
      INFINITE,
    ),
  ),
  long("causal with an offset of less", CROSS, (s) =>
    s.maskedFill(arange(S).gt(arange(T).view(T, 1).add(5)), INFINITE),
  ),
  long("window", SELF, (s) => {
    const distance = arange(S).view(S, 1).sub(arange(S));
    return s.maskedFill(distance.lt(0).logicalOr(distance.ge(20)), INFINITE);
  }),
  long("window on both sides by large negative numbers", SELF, (s) =>
    s.add(arange(S).view(S, 1).sub(arange(S)).abs().gt(30).to("f32").mul(-1e9)),
  ),
  long("padding, more than a tile of it", CROSS, (s) =>
    s.maskedFill(arange(S).ge(given([40], "i32").view(1, 1, 1, 1)), INFINITE),
  ),
  long("padding, the first keys", CROSS, (s) => where(arange(S).ge(100), s, INFINITE)),
  long("padding in front and causal", SELF, (s) =>
    s
      .add(full([S, S], -3.4028234663852886e38).triu(1))
      .maskedFill(arange(S).lt(70).logicalAnd(arange(S).view(S, 1).ge(70)), INFINITE),
  ),
  long("a bool buffer", CROSS, (s) => {
    const keep = held(arange(T).view(T, 1).mul(7).add(arange(S).mul(3)).remainder(5).lt(2));
    return s.maskedFill(keep.logicalNot(), INFINITE);
  }),
  long("a learned bias", [...CROSS, `f32[${H},${T},${S}]`], (s, bias) => s.add(bias)),
  long("a learned bias of keys", [...CROSS, `f32[${H},1,${S}]`], (s, bias) => s.add(bias)),
  long("ALiBi, causal", SELF, (s) =>
    s
      .add(
        given([0.5, 0.1])
          .view(H, 1, 1)
          .mul(arange(S).sub(arange(S).view(S, 1))),
      )
      .add(causalMask(S)),
  ),
  long("soft cap, causal", SELF, (s) => s.div(3).tanh().mul(3).add(causalMask(S))),
  spelling(
    "long: dropout inside compile, causal",
    SELF,
    (q, k, v) => dropout(q.matmul(k.mT).div(root).add(causalMask(S)).softmax(-1), { p: 0.2 }).matmul(v),
    { traced: true },
  ),
  spelling("long: a sink", [...CROSS, `f32[${H}]`], (q, k, v, sink) => {
    const combined = cat([q.matmul(k.mT).div(root), sink.view(1, H, 1, 1).expand(1, H, T, 1)], -1);
    return combined.softmax(-1).at("...", ":-1").matmul(v);
  }),
  spelling("long: grouped, causal", [`f32[1,4,${S},${D}]`, `f32[1,2,${S},${D}]`, `f32[1,2,${S},${E}]`], (q, k, v) => {
    const [keys, values] = [k, v].map((x) => x.repeatInterleave(2, 1));
    return q.matmul(keys.mT).div(root).add(causalMask(S)).softmax(-1).matmul(values);
  }),
  spelling(
    "long: one query of a group and a long cache",
    [`f32[1,8,1,${D}]`, `f32[1,2,301,${D}]`, `f32[1,2,301,${D}]`],
    (q, k, v) => {
      const [keys, values] = [k, v].map((x) => x.repeatInterleave(4, 1));
      return q
        .matmul(keys.mT)
        .div(root)
        .maskedFill(arange(301).gt(held(given([250], "i32"))), INFINITE)
        .softmax(-1)
        .matmul(values);
    },
  ),
  ...[2, 6, 8, 18, 32, 64, 80, 128, 256].map((width) =>
    spelling(`long: width ${width}`, wide(width), (q, k, v) =>
      q.div(Math.sqrt(width)).matmul(k.mT).softmax(-1).matmul(v),
    ),
  ),
  ...(["f16", "bf16"] as const).map((dtype) =>
    spelling(
      `long: ${dtype}, causal, softmax in f32`,
      SELF.map((i) => i.replace("f32", dtype)),
      (q, k, v) => q.matmul(k.mT).div(root).add(causalMask(S).to(dtype)).float().softmax(-1).to(dtype).matmul(v),
    ),
  ),
];
