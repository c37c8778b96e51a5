// The recurrent cells by name: what graph, compiler, executors and layers all need to know of them. Their formulas are in
// graph/recurrent.ts.

/** tanh and relu: Elman's network; lstm: long short-term memory; gru: gated recurrent units. */
export type RecurrentCell = "tanh" | "relu" | "lstm" | "gru";

interface CellEntry {
  /** G: the weights of a layer are [G H, I] and [G H, H], the gates one after the other in PyTorch's order. */
  readonly gates: number;
  /** Arrays of H numbers that each step keeps for the gradient: i f g o, or r z n and what the state adds to n. */
  readonly kept: number;
  /** The number that kernels know it by. */
  readonly code: number;
}

export const CELLS: { readonly [C in RecurrentCell]: CellEntry } = {
  tanh: { gates: 1, kept: 0, code: 0 },
  relu: { gates: 1, kept: 0, code: 1 },
  lstm: { gates: 4, kept: 4, code: 2 },
  gru: { gates: 3, kept: 4, code: 3 },
};
