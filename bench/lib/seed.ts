// What a file of bench/seeds exports: works of one example. Its PyTorch side is a file of the same name in bench/peers/seeds, with a
// function of the same name for each of them.

import type { Tensor } from "heed";
import type { Pace } from "./contest.js";

/** Exported as `forward...`, a forward pass; as `training...`, a step of training that gives its loss. */
export interface Seed {
  /** What it is, with its sizes. */
  readonly work: string;
  /** How many times as fast as PyTorch eager it should be. */
  readonly least: number;
  readonly pace?: Pace;
  /** Draws weights and inputs as the other side does, and gives one call, compiled; nothing is drawn outside. */
  readonly make: () => () => Tensor | readonly Tensor[];
}
