// 16-bit floats: throughout, and with the softmax in f32 between casts, as Llama, GPT-NeoX, T5 and others have it.

import { causalMask, full, ones, type Tensor, tril, where } from "../../src/index.js";
import { B, CROSS, D, given, H, held, N, S, SELF, type Spelling, spelling } from "./spelling.js";

type Half = "f16" | "bf16";
const root = Math.sqrt(D);
const of = (dtype: Half, inputs: readonly string[]) => inputs.map((i) => i.replace("f32", dtype));
const LOWEST: Record<Half, number> = { f16: -65504, bf16: -3.3895313892515355e38 };

function rows(dtype: Half): Spelling[] {
  const row = (name: string, inputs: readonly string[], mix: Spelling["mix"], traced = false) =>
    spelling(`${dtype}: ${name}`, of(dtype, inputs), mix, { traced });
  const scores = (q: Tensor, k: Tensor) => q.matmul(k.transpose(-2, -1));
  return [
    row("plain", CROSS, (q, k, v) => scores(q, k).div(root).softmax(-1).matmul(v)),
    row("scale on the query", CROSS, (q, k, v) =>
      scores(q.mul(1 / root), k)
        .softmax(-1)
        .matmul(v),
    ),
    row("softmax in f32, cast to the query's dtype", CROSS, (q, k, v) =>
      scores(q, k).div(root).float().softmax(-1).to(q.dtype).matmul(v),
    ),
    row("softmax in f32, causal", SELF, (q, k, v) =>
      scores(q, k)
        .mul(1 / root)
        .add(causalMask(N).to(dtype))
        .float()
        .softmax(-1)
        .to(dtype)
        .matmul(v),
    ),
    row("the mask added in f32, behind the cast", SELF, (q, k, v) =>
      scores(q, k).float().div(root).add(causalMask(N)).softmax(-1).to(v.dtype).matmul(v),
    ),
    row("products in f32", SELF, (q, k, v) => {
      const pattern = scores(q.float(), k.float())
        .div(root)
        .maskedFill(tril(ones(N, N)).eq(0), -1e9)
        .softmax(-1);
      return pattern.matmul(v.float()).to(dtype);
    }),
    row("the output cast to f32", CROSS, (q, k, v) => scores(q, k).div(root).softmax(-1).matmul(v).float()),
    row("filled with the lowest of the dtype", SELF, (q, k, v) =>
      scores(q, k)
        .div(root)
        .maskedFill(tril(ones(N, N)).eq(0), LOWEST[dtype])
        .softmax(-1)
        .matmul(v),
    ),
    row("a buffer of the lowest of the dtype sliced to T, added", SELF, (q, k, v) => {
      const mask = held(full([16, 16], LOWEST[dtype], { dtype }).triu(1)).at(`:${N}`, `:${N}`);
      return scores(q, k).div(root).add(mask).softmax(-1).matmul(v);
    }),
    row("key padding by where, softmax in f32", CROSS, (q, k, v) => {
      const keep = given([4, S], "i32")
        .view(B, 1, 1, 1)
        .gt(given([0, 1, 2, 3, 4, 5, 6], "i32"));
      return where(keep, scores(q, k).div(root), full([], LOWEST[dtype], { dtype }))
        .float()
        .softmax(-1)
        .to(dtype)
        .matmul(v);
    }),
    row("soft cap in f32", CROSS, (q, k, v) =>
      scores(q, k).float().div(10).tanh().mul(10).softmax(-1).to(dtype).matmul(v),
    ),
    row("logSoftmax().exp()", CROSS, (q, k, v) => scores(q, k).div(root).logSoftmax(-1).exp().matmul(v)),
    row("a mask of given weights between softmax and cast", CROSS, (q, k, v) =>
      scores(q, k)
        .div(root)
        .float()
        .softmax(-1)
        .mul(given([1, 0, 1]).view(H, 1, 1))
        .to(dtype)
        .matmul(v),
    ),
  ];
}

export const HALVES: readonly Spelling[] = [...rows("f16"), ...rows("bf16")];
