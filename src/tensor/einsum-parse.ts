// The equation of einsum as lists of letters, one for each axis of each operand, with every mistake named. The axes under "..." get
// names of their own, counted from the last one, which is how they broadcast.

import type { DType } from "../base/dtype.js";
import { fail } from "../base/errors.js";
import { describe, type Shape } from "../base/shape.js";
import { shown } from "../base/show.js";

export interface Equation {
  readonly inputs: readonly (readonly string[])[];
  readonly output: readonly string[];
  /** The size of each letter, 1 only where it is 1 in every operand. */
  readonly sizes: ReadonlyMap<string, number>;
}

type Described = { readonly dtype: DType; readonly shape: Shape };

const OP = "einsum";
const DOTS = "...";

/** The letters of the operands and of the result. @throws HeedError */
export function parseEquation(equation: string, operands: readonly Described[]): Equation {
  if (typeof equation !== "string") fail(OP, 'an equation such as "ij,jk->ik"', shown(equation));
  const [left, right, ...more] = equation.replace(/\s+/g, "").split("->");
  if (more.length > 0) fail(OP, 'at most one "->"', `"${equation}"`);
  const terms = left.split(",").map((term) => split(term, equation));
  if (operands.length === 0 || terms.length !== operands.length) {
    fail(OP, `${terms.length} operand${terms.length === 1 ? "" : "s"} for "${equation}"`, String(operands.length));
  }
  const inputs = terms.map((term, i) => nameAxes(term, operands[i], i, equation));
  const sizes = sizesOf(inputs, operands);
  const dots = [...new Set(inputs.flat())].filter(isDot).sort((a, b) => Number(b.slice(1)) - Number(a.slice(1)));
  const output = right === undefined ? implicit(inputs, dots) : explicit(split(right, equation), dots, sizes, equation);
  return { inputs, output, sizes };
}

/** Letters, and "..." at most once. */
function split(term: string, equation: string): string[] {
  const symbols: string[] = term.match(/\.\.\.|[\s\S]/g) ?? [];
  for (const symbol of symbols)
    if (symbol !== DOTS && !/^[A-Za-z]$/.test(symbol))
      fail(OP, 'letters, "...", "," and "->"', `"${symbol}" in "${equation}"`);
  if (symbols.indexOf(DOTS) !== symbols.lastIndexOf(DOTS))
    fail(OP, 'at most one "..." in an operand', `"${term}" in "${equation}"`);
  return symbols;
}

const dotName = (fromLast: number): string => `.${fromLast}`;
const isDot = (letter: string): boolean => letter.startsWith(".");

function nameAxes(term: readonly string[], operand: Described, position: number, equation: string): string[] {
  const letters = term.filter((l) => l !== DOTS).length;
  const rank = operand.shape.length;
  const open = term.includes(DOTS);
  if (open ? rank < letters : rank !== letters) {
    const many = `${letters} dimension${letters === 1 ? "" : "s"}`;
    fail(
      OP,
      `${open ? "at least " : ""}${many} for "${term.join("")}", operand ${position} of "${equation}"`,
      describe(operand),
    );
  }
  return term.flatMap((l) =>
    l === DOTS ? Array.from({ length: rank - letters }, (_, i) => dotName(rank - letters - 1 - i)) : [l],
  );
}

function sizesOf(inputs: readonly (readonly string[])[], operands: readonly Described[]): Map<string, number> {
  const sizes = new Map<string, number>();
  const from = new Map<string, Described>();
  inputs.forEach((letters, k) => {
    const own = new Map<string, number>();
    letters.forEach((letter, axis) => {
      const n = operands[k].shape[axis];
      const what = isDot(letter) ? `axis ${-1 - Number(letter.slice(1))} of "..."` : `"${letter}"`;
      const before = own.get(letter) ?? n;
      if (before !== n)
        fail(
          OP,
          `one size for ${what} in operand ${k}, whose diagonal it takes`,
          `${before} and ${n} in ${describe(operands[k])}`,
        );
      own.set(letter, n);
      const known = sizes.get(letter) ?? 1;
      if (n === 1 && sizes.has(letter)) return;
      if (known !== 1 && known !== n) {
        fail(
          OP,
          `one size for ${what}, or 1`,
          `${known} in ${describe(from.get(letter) as Described)} and ${n} in ${describe(operands[k])}`,
        );
      }
      sizes.set(letter, n);
      from.set(letter, operands[k]);
    });
  });
  return sizes;
}

/** What "..." stands for, then the letters that occur once, capitals first. */
function implicit(inputs: readonly (readonly string[])[], dots: readonly string[]): string[] {
  const all = inputs.flat();
  const once = [...new Set(all)].filter((l) => !isDot(l) && all.indexOf(l) === all.lastIndexOf(l));
  return [...dots, ...once.sort()];
}

function explicit(
  term: readonly string[],
  dots: readonly string[],
  sizes: ReadonlyMap<string, number>,
  equation: string,
): string[] {
  for (const letter of term) {
    if (letter === DOTS) continue;
    if (!sizes.has(letter)) fail(OP, "output letters that an operand has", `"${letter}" in "${equation}"`);
    if (term.indexOf(letter) !== term.lastIndexOf(letter))
      fail(OP, "each output letter once", `"${letter}" twice in "${equation}"`);
  }
  return term.flatMap((l) => (l === DOTS ? dots : [l]));
}
