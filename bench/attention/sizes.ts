// How large the works are: those that the targets speak of; with --quick only the shorter ones, with --tiny what any executor can do.

import { quick, tiny } from "../lib/machine.js";

const FULL = {
  heads: 12, // H
  width: 64, // D
  /** T, and how many times as fast as the same text in PyTorch; beyond 1024 that would write gigabytes. */
  text: [
    { T: 512, least: 3 },
    { T: 1024, least: 6 },
    { T: 4096, least: null },
  ],
  window: { T: 8192, keys: 256 },
  scored: 1024,
  decode: { S: 4096, H: 32, keyHeads: 8, D: 128, layers: 8 },
  memory: { T: 16384, D: 64 },
};

const QUICK: typeof FULL = {
  ...FULL,
  text: FULL.text.slice(0, 1),
  window: { T: 2048, keys: 256 },
  scored: 512,
  memory: { T: 4096, D: 64 },
};

const TINY: typeof FULL = {
  heads: 2,
  width: 16,
  text: [{ T: 24, least: 1 }],
  window: { T: 40, keys: 8 },
  scored: 24,
  decode: { S: 40, H: 4, keyHeads: 2, D: 16, layers: 2 },
  memory: { T: 96, D: 16 },
};

export const sizes = tiny ? TINY : quick ? QUICK : FULL;
