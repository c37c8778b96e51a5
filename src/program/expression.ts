// The body of a fused step, as data: a short list of instructions on registers. A step walks a domain of rows by columns; a "full"
// register holds one value for each column of a row, a "row" register one value for the whole row. A reduction leads from full to row,
// a broadcast back. Registers hold f32 or i32 (bool is i32, 0 or 1); loads and stores convert.

import type { ScalarName } from "../base/scalar.js";

export type Width = "full" | "row";
export type ReduceOp = "sum" | "max" | "min" | "prod";

export type Instruction =
  | { readonly op: "load"; readonly width: Width; readonly dst: number; readonly input: number }
  | { readonly op: "store"; readonly width: Width; readonly output: number; readonly a: number }
  | {
      readonly op: "constant";
      readonly width: Width;
      readonly dst: number;
      readonly value: number;
      readonly int: boolean;
    }
  /** The index along an axis of the step's shape. */
  | { readonly op: "iota"; readonly width: Width; readonly dst: number; readonly axis: number }
  /** Uniform in [0,1) from the counter-based generator: seed input (i32, one element), stream, linear index in the domain. */
  | {
      readonly op: "random";
      readonly width: "full";
      readonly dst: number;
      readonly seed: number;
      readonly stream: number;
    }
  | { readonly op: "broadcast"; readonly width: "full"; readonly dst: number; readonly a: number }
  | {
      readonly op: "reduce";
      readonly width: "row";
      readonly reduce: ReduceOp;
      readonly int: boolean;
      readonly dst: number;
      readonly a: number;
    }
  | {
      readonly op: "convert";
      readonly to: "toInt" | "toFloat" | "roundF16" | "roundBF16" | "toBool";
      readonly int: boolean;
      readonly width: Width;
      readonly dst: number;
      readonly a: number;
    }
  | {
      readonly op: "scalar";
      readonly name: ScalarName;
      readonly int: boolean;
      readonly width: Width;
      readonly dst: number;
      readonly a: number;
      readonly b: number;
      readonly c: number;
    };

export interface Expression {
  readonly instructions: readonly Instruction[];
  /** Numbers of registers of each width; constants have registers of their own, which nothing else writes. */
  readonly fullRegisters: number;
  readonly rowRegisters: number;
}
