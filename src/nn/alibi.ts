// Attention with linear biases: no position is added anywhere; a key counts for less the further it is away, in each head at another rate
// (Press, Smith and Lewis 2022).

import { fail } from "../base/errors.js";
import { describe } from "../base/shape.js";
import type { AttentionOptions } from "../tensor/attention.js";
import { arange, tensor } from "../tensor/create.js";
import { Tensor } from "../tensor/tensor.js";
import { checkSizes } from "./check.js";

/**
 * How much a score loses for each position of distance, f32[H]: 2^(-8/H), its square, its cube and so on. Where H is no power of two, the
 * slopes of the largest power of two below it, then every other one of the next power's, as in the authors' code.
 * @throws HeedError unless heads is a whole number of at least 1
 */
export function alibiSlopes(heads: number): Tensor {
  checkSizes("alibiSlopes", { heads });
  const power = 2 ** Math.floor(Math.log2(heads));
  const rest = Array.from({ length: heads - power }, (_, i) => 2 ** (-(4 / power) * (2 * i + 1)));
  return tensor([...Array.from({ length: power }, (_, i) => 2 ** (-(8 / power) * (i + 1))), ...rest], { dtype: "f32" });
}

/**
 * -slope · |distance| for every head, query and key: f32[H,T,S], or [B,H,T,S] where a list of positions is [B,·].
 * @param heads H, with the paper's slopes; or slopes f32[H]
 * @param queryPositions i32[T] or i32[B,T]
 * @param keyPositions i32[S] or i32[B,S]
 * @example attention(query, key, value, { mask: { kind: "additive", bias: alibiBias(8, arange(T), arange(S)) } });
 */
export function alibiBias(heads: number | Tensor, queryPositions: Tensor, keyPositions: Tensor): Tensor {
  const slopes = slopesOf(heads);
  const batched = queryPositions.ndim === 2 || keyPositions.ndim === 2;
  const axis = (positions: Tensor, dim: number, name: string) => {
    if (positions.dtype !== "i32" || positions.ndim < 1 || positions.ndim > 2)
      fail("alibi", `${name} positions i32[n] or i32[B,n]`, describe(positions));
    return (batched && positions.ndim === 2 ? positions.unsqueeze(1) : positions).unsqueeze(dim);
  };
  const distance = axis(queryPositions, -1, "query")
    .sub(axis(keyPositions, -2, "key"))
    .abs(); // [T,S] or [B,1,T,S]
  return slopes.view(-1, 1, 1).mul(distance).neg();
}

/**
 * ALiBi as what `attention` takes for `score`: each score loses slope · |distance|. The last query stands at the last key, as in masks
 * without an offset, unless positions are given.
 * @param heads H, with the paper's slopes; or slopes f32[H]
 * @param options.queryPositions i32[T] or i32[B,T], such as those of a cache
 * @param options.keyPositions i32[S] or i32[B,S]
 * @example attention(query, key, value, { mask: { kind: "causal" }, score: alibi(8) });
 */
export function alibi(
  heads: number | Tensor,
  options: { queryPositions?: Tensor; keyPositions?: Tensor } = {},
): NonNullable<AttentionOptions["score"]> {
  const slopes = slopesOf(heads);
  return (scores) => {
    const [H, T, S] = scores.shape.slice(-3);
    if (H !== slopes.numel) fail("alibi", `scores of ${slopes.numel} heads`, describe(scores));
    const { queryPositions = arange(S - T, S), keyPositions = arange(S) } = options;
    return scores.add(alibiBias(slopes, queryPositions, keyPositions));
  };
}

function slopesOf(heads: number | Tensor): Tensor {
  if (!(heads instanceof Tensor)) return alibiSlopes(heads);
  return heads.ndim === 1 ? heads : fail("alibi", "slopes f32[H]", describe(heads));
}
