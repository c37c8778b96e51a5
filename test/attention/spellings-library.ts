// The library's own layers and model.

import { embedding, full, ones, triu } from "../../src/index.js";
import { GPT } from "../../src/models/index.js";
import { Embedding, MultiheadAttention, TransformerBlock } from "../../src/nn/index.js";
import { B, C, D, given, H, held, modular, N, RESIDUAL, S, type Spelling, T } from "./spelling.js";

const WIDE = `f32[${B},${T},${C}]`;
const LOWEST = -3.4028234663852886e38;
const CONTEXT = 16;

const ids = () => given([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3], "i32").view(B, N);
const gpt = () => new GPT({ vocabularySize: 10, context: CONTEXT, layers: 2, heads: H, width: C, dropout: 0.1 });

export const LIBRARY: readonly Spelling[] = [
  modular(
    "MultiheadAttention",
    [RESIDUAL],
    () => new MultiheadAttention(C, H, { batchFirst: true }),
    (m, x) => m.forward(x, x, x)[0],
  ),
  modular(
    "MultiheadAttention, causal",
    [RESIDUAL],
    () => new MultiheadAttention(C, H, { batchFirst: true }),
    (m, x) => m.forward(x, x, x, { isCausal: true, needWeights: false })[0],
  ),
  modular(
    "MultiheadAttention, positions first, a mask and padding",
    [`f32[${N},${B},${C}]`],
    () => new MultiheadAttention(C, H),
    (m, x) => {
      const attnMask = triu(ones(N, N), 1).bool();
      const keyPaddingMask = held(
        given([0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0], "i32").view(B, N).bool(),
      );
      return m.forward(x, x, x, { attnMask, keyPaddingMask, needWeights: false })[0];
    },
  ),
  modular(
    "MultiheadAttention, cross attention, widths of their own",
    [WIDE, `f32[${B},${S},8]`, `f32[${B},${S},10]`],
    () => new MultiheadAttention(C, H, { batchFirst: true, kdim: 8, vdim: 10 }),
    (m, q, k, v) => m.forward(q, k, v, { needWeights: false })[0],
  ),
  modular(
    "MultiheadAttention, learned and zero keys behind the others",
    [RESIDUAL],
    () => new MultiheadAttention(C, H, { batchFirst: true, addBiasKv: true, addZeroAttn: true }),
    (m, x) => m.forward(x, x, x, { needWeights: false })[0],
  ),
  modular(
    "MultiheadAttention, dropout, training inside compile",
    [RESIDUAL],
    () => new MultiheadAttention(C, H, { batchFirst: true, dropout: 0.2 }),
    (m, x) => m.forward(x, x, x, { needWeights: false })[0],
    { traced: true },
  ),
  modular(
    "TransformerBlock, causal",
    [RESIDUAL],
    () => new TransformerBlock(C, H).eval(),
    (m, x) => m.forward(x, { isCausal: true }),
  ),

  modular(
    "GPT of two layers, evaluation",
    [],
    () => gpt().eval(),
    (m) => m.forward(ids()),
    { steps: 2 },
  ),
  modular("GPT of two layers, training inside compile", [], gpt, (m) => m.forward(ids()), { steps: 2, traced: true }),
  modular(
    "one embedding for queries and keys of ids",
    [],
    () => new Embedding(10, D),
    (m) => {
      const x = embedding(ids(), m.weight);
      return x
        .matmul(x.mT)
        .div(Math.sqrt(D))
        .add(full([N, N], LOWEST).triu(1))
        .softmax(-1)
        .matmul(x);
    },
  ),
];
