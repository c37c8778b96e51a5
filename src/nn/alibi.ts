// Attention with linear biases: no position is added anywhere; a key counts for less the further it is away, in each head at another rate
// (Press, Smith and Lewis 2022).

import { isFloat } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { checkOptions, type OptionTable } from "../base/options.js";
import { describe } from "../base/shape.js";
import type { AttentionOptions } from "../tensor/attention.js";
import { checkTensor, TENSOR } from "../tensor/check.js";
import { arange, tensor } from "../tensor/create.js";
import { Tensor } from "../tensor/tensor.js";
import { checkSizes } from "./check.js";

/** More are a mistake, such as positions in place of heads. */
const MOST_HEADS = 65536;

/**
 * How much a score of each head loses for each position of distance, f32[H] (Press, Smith and Lewis 2022, section 3).
 *
 * 2^(-8/H), its square, its cube and so on. Where H is no power of two, the slopes of the largest power of two below it, then every other
 * one of the next power's, as in the authors' code.
 * @throws HeedError unless heads is a whole number of at least 1
 * @example alibiSlopes(4).toArray();   // [0.25, 0.0625, 0.015625, 0.00390625]
 */
export function alibiSlopes(heads: number): Tensor {
  checkSizes("alibiSlopes", { heads });
  if (heads > MOST_HEADS) fail("alibiSlopes", `at most ${MOST_HEADS} heads`, String(heads));
  const power = 2 ** Math.floor(Math.log2(heads));
  const rest = Array.from({ length: heads - power }, (_, i) => 2 ** (-(4 / power) * (2 * i + 1)));
  return tensor([...Array.from({ length: power }, (_, i) => 2 ** (-(8 / power) * (i + 1))), ...rest], { dtype: "f32" });
}

/**
 * -slope · |distance| for every head, query and key: [H,T,S], or [B,H,T,S] where a list of positions is [B,·], in the slopes' dtype (Press,
 * Smith and Lewis 2022, section 3).
 * @param heads H, with the paper's slopes, f32; or float slopes [H]
 * @param queryPositions i32[T] or i32[B,T]
 * @param keyPositions i32[S] or i32[B,S]
 * @throws HeedError for heads that are no whole number of at least 1, slopes that are not float [H], positions that are not i32
 * @example
 * const x = randn(1, 8, 5, 16);                           // B=1 H=8 T=S=5 D=16
 * const bias = alibiBias(8, arange(5), arange(5));        // f32[8,5,5]
 * const mixed = attention(x, x, x, { mask: [{ kind: "causal" }, { kind: "additive", bias }] });   // f32[1,8,5,16]
 */
export function alibiBias(heads: number | Tensor, queryPositions: Tensor, keyPositions: Tensor): Tensor {
  const slopes = slopesOf(heads);
  for (const [name, x] of Object.entries({ queryPositions, keyPositions })) checkTensor("alibiBias", name, x);
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

/** Where queries and keys stand, for `alibi`. */
export interface AlibiOptions {
  /** i32[T] or i32[B,T], such as those of a cache; the last query stands at the last key, as in masks without an offset, unless given. */
  readonly queryPositions?: Tensor;
  /** i32[S] or i32[B,S]; 0 to S - 1 unless given. */
  readonly keyPositions?: Tensor;
}

const ALIBI: OptionTable<AlibiOptions> = { queryPositions: TENSOR, keyPositions: TENSOR };

/**
 * ALiBi as what `attention` takes for `score`: each of the scores [B,H,T,S] loses slope · |distance| (Press, Smith and Lewis 2022, section 3).
 * @param heads H, with the paper's slopes; or float slopes [H]
 * @throws HeedError for heads that are no whole number of at least 1 and slopes that are not float [H]; when called, for scores of other heads
 * and positions that are not i32
 * @example
 * const x = randn(1, 8, 5, 16);                                                          // B=1 H=8 T=S=5 D=16
 * const mixed = attention(x, x, x, { mask: { kind: "causal" }, score: alibi(8) });       // f32[1,8,5,16]
 */
export function alibi(heads: number | Tensor, options: AlibiOptions = {}): NonNullable<AttentionOptions["score"]> {
  checkOptions("alibi", options, ALIBI);
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
  const remedy = isFloat(heads.dtype) ? undefined : "convert them with .float()";
  if (heads.ndim !== 1 || remedy) fail("alibi", "slopes f32[H]", describe(heads), remedy);
  return heads;
}
