// The table of spellings: attention as people write it, from the tutorials, the papers' code and the models in use. Every row must run as
// exactly one attention step, and give the numbers and gradients of the program it is written as.

import type { Spelling } from "./spelling.js";
import { BIASES } from "./spellings-bias.js";
import { EXPONENTIALS } from "./spellings-exponential.js";
import { SHARED } from "./spellings-groups.js";
import { HALVES } from "./spellings-half.js";
import { HEADS } from "./spellings-heads.js";
import { LIBRARY } from "./spellings-library.js";
import { LONG } from "./spellings-long.js";
import { MASKS } from "./spellings-masks.js";
import { MODELS } from "./spellings-models.js";
import { MODULES } from "./spellings-modules.js";
import { PADDINGS } from "./spellings-padding.js";
import { POSITIONS } from "./spellings-positions.js";
import { PRODUCTS } from "./spellings-products.js";
import { WEIGHTS } from "./spellings-weights.js";

/** Rows by what they vary. */
export const SPELLINGS: Readonly<Record<string, readonly Spelling[]>> = {
  "scale and products": PRODUCTS,
  "masks of positions": MASKS,
  "masks of keys": PADDINGS,
  "softmax by hand": EXPONENTIALS,
  "dropout and sinks": WEIGHTS,
  "16-bit floats": HALVES,
  heads: HEADS,
  "shared keys": SHARED,
  "score biases": BIASES,
  positions: POSITIONS,
  "layers of tutorials": MODULES,
  "layers of models": MODELS,
  "layers of the library": LIBRARY,
  "more than one tile": LONG,
};
