// Positions as vectors that are added to what stands there: waves of many lengths (Vaswani et al. 2017), or learned (GPT-2, BERT). Those
// that turn queries and keys are in rotary.ts, those that change scores in alibi.ts and relative-position-bias.ts.

import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, type OptionTable, oneOf } from "../base/options.js";
import { describe } from "../base/shape.js";
import { shown } from "../base/show.js";
import { checkTensor } from "../tensor/check.js";
import { parseShape, tensor } from "../tensor/create.js";
import { embedding } from "../tensor/functions.js";
import { Tensor } from "../tensor/tensor.js";
import { Dropout } from "./activations.js";
import { checkProbability, checkSizes } from "./check.js";
import { Embedding } from "./embedding.js";
import { Module } from "./module.js";

/** Which waves `sinusoidalPositions` is made of. */
export interface SinusoidOptions {
  /** The longest wave is about 2π · base positions long; 10000. */
  readonly base?: number;
  /** Sine and cosine in turn, as in the paper ("interleaved", the default), or all sines before all cosines ("halves", Marian). */
  readonly layout?: "interleaved" | "halves";
}

const SINUSOID: OptionTable<SinusoidOptions> = { base: CHECKED, layout: oneOf("interleaved", "halves") };

/**
 * PE(p, 2i) = sin(p / base^(2i/C)), PE(p, 2i+1) = cos(p / base^(2i/C)) for the positions 0 to T-1: f32[T,C]   (Vaswani et al. 2017,
 * section 3.5).
 *
 * Computed in f64 and rounded once.
 * @throws HeedError for sizes that are not whole and at least 1, a base that is not above 0, and another layout
 * @example const x = randn(2, 6, 16).add(sinusoidalPositions(6, 16));   // f32[2,6,16], B=2 T=6 C=16
 */
export function sinusoidalPositions(T: number, C: number, options: SinusoidOptions = {}): Tensor {
  checkOptions("sinusoidalPositions", options, SINUSOID);
  checkSizes("sinusoidalPositions", { T, C });
  parseShape("sinusoidalPositions", [T, C]);
  const { base = 10000, layout = "interleaved" } = options;
  if (typeof base !== "number" || !(base > 0)) fail("sinusoidalPositions", "a base above 0", shown(base));
  const sines = Math.ceil(C / 2);
  const table = new Float32Array(T * C);
  for (let c = 0; c < C; c++) {
    const pair = c >> 1;
    const wave = c % 2 === 0 ? Math.sin : Math.cos;
    const column = layout === "interleaved" ? c : c % 2 === 0 ? pair : sines + pair;
    const length = base ** ((2 * pair) / C);
    for (let p = 0; p < T; p++) table[p * C + column] = wave(p / length);
  }
  return tensor(table).view(T, C);
}

/** What `PositionalEncoding` is told beside its width. */
export interface PositionalEncodingOptions extends SinusoidOptions {
  /** The probability with which a number of the result is dropped in training; 0. */
  readonly dropout?: number;
  /** For how many positions there are vectors; 5000. */
  readonly context?: number;
}

const POSITIONAL: OptionTable<PositionalEncodingOptions> = { ...SINUSOID, dropout: CHECKED, context: CHECKED };

/**
 * Adds sinusoidal positions [T,C] to what stands there, [...,T,C], then drops (Vaswani et al. 2017, sections 3.5 and 5.4).
 * @param width C
 * @throws HeedError for sizes that are not whole and at least 1, a dropout outside [0,1], a base that is not above 0, and another layout
 * @example const x = new PositionalEncoding(512, { dropout: 0.1 }).forward(randn(2, 6, 512));   // f32[2,6,512], B=2 T=6 C=512
 */
export class PositionalEncoding extends Module {
  dropout: Dropout;
  /** The table [context,C]; it is no part of state dicts. */
  table: Tensor;
  readonly context: number;

  constructor(
    readonly width: number,
    options: PositionalEncodingOptions = {},
  ) {
    super();
    checkOptions("PositionalEncoding", options, POSITIONAL);
    const { dropout = 0, context = 5000, ...rest } = options;
    checkProbability("PositionalEncoding", dropout);
    checkSizes("PositionalEncoding", { width, context });
    parseShape("PositionalEncoding", [context, width]);
    this.context = context;
    this.dropout = new Dropout(dropout);
    this.table = this.registerBuffer("table", sinusoidalPositions(context, width, rest), { persistent: false });
  }

  /**
   * @param positions where the rows stand: i32[T] or i32[B,T], or the first of them
   * @throws HeedError for more positions than `context`
   */
  forward(x: Tensor, positions: Tensor | number = 0): Tensor {
    checkTensor("PositionalEncoding", "x", x);
    if (x.ndim < 2 || x.shape.at(-1) !== this.width)
      fail("PositionalEncoding", `an input [...,T,${this.width}]`, describe(x));
    const rows = rowsAt("PositionalEncoding", this.table, x.shape[x.ndim - 2], positions);
    return this.dropout.forward(x.add(rows.to(x.dtype)));
  }
}

/**
 * A vector for each position, learned: an Embedding [context,C] that also takes a number of positions.
 * @example
 * const [tokens, positions] = [new Embedding(50, 16), new LearnedPositions(32, 16)];
 * const residual = tokens.forward(tensor([[7, 3, 9]])).add(positions.forward(3));   // f32[1,3,16], B=1 T=3 C=16
 */
export class LearnedPositions extends Embedding {
  /**
   * The vectors of the positions 0 to T-1, [T,C], or of those listed, i32[...], [...,C].
   * @throws HeedError for more positions than there are vectors
   */
  override forward(positions: Tensor | number): Tensor {
    if (positions instanceof Tensor) return super.forward(positions);
    return rowsAt("LearnedPositions", this.weight, positions, 0);
  }
}

/** The rows of a table [context,C] for T positions. */
function rowsAt(op: string, table: Tensor, T: number, positions: Tensor | number): Tensor {
  if (positions instanceof Tensor) return embedding(positions, table);
  const whole = Number.isInteger(positions) && positions >= 0 && Number.isInteger(T) && T >= 0;
  if (!whole) fail(op, "whole positions of at least 0", `${T} from ${shown(positions)}`);
  if (positions + T > table.shape[0])
    fail(op, `at most ${table.shape[0]} positions, the context`, `${T} from ${positions}`, "make the context larger");
  return table.narrow(0, positions, T);
}
