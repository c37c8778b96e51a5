// What the book's chapter 3 begins with: a sentence of six words, and the seed that its layers are made from.

import { manualSeed, stack, tensor } from "heed";

// biome-ignore format: one line a word, as the book has it
export const inputs = tensor([
  [0.43, 0.15, 0.89], // Your
  [0.55, 0.87, 0.66], // journey
  [0.57, 0.85, 0.64], // starts
  [0.22, 0.58, 0.33], // with
  [0.77, 0.25, 0.10], // one
  [0.05, 0.80, 0.55], // step
]); // [6,3]

/** The sentence twice, as a batch. */
export const batch = stack([inputs, inputs]); // [2,6,3]

/** What `make` makes, from seed 123. */
export function seeded<M>(make: () => M): M {
  manualSeed(123);
  return make();
}
