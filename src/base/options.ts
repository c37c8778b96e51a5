// Options that come last as an object: a name that nobody knows is a mistake, not a wish to ignore. What a function or class takes is a
// table beside its interface; the compiler sees that the two have the same names.

import { DTYPES, type DType, dtypeRemedy } from "./dtype.js";
import { fail } from "./errors.js";
import { shown } from "./show.js";
import { suggest } from "./suggest.js";

/** What the value of an option must be, in words and as a test. */
export interface Kind<out V> {
  readonly expected: string;
  readonly holds: (x: unknown) => x is V;
  /** What to write instead, where it is known. */
  readonly remedy?: (x: unknown) => string | undefined;
}

/** A kind for each name of the options `O`: no more, no fewer. */
export type OptionTable<O> = { readonly [K in keyof O]-?: Kind<Exclude<O[K], undefined>> };

/** What to write for names that others have for options. */
export type Remedies = Readonly<Record<string, string>>;

export function kind<V>(expected: string, holds: (x: unknown) => boolean): Kind<V> {
  return { expected, holds: holds as (x: unknown) => x is V };
}

/** For what the function that reads it checks itself, in words of its own. */
export const CHECKED = kind<never>("anything", () => true);
export const FLAG = kind<boolean>("true or false", (x) => typeof x === "boolean");
export const NUMBER = kind<number>("a finite number", Number.isFinite);
/** What is added to a variance. */
export const EPSILON = kind<number>("a number of at least 0", (x) => Number.isFinite(x) && (x as number) >= 0);
export const whole = (least: number): Kind<number> =>
  kind(`a whole number of at least ${least}`, (x) => Number.isInteger(x) && (x as number) >= least);
export const FUNCTION = kind<never>("a function", (x) => typeof x === "function");
export const DTYPE: Kind<DType> = {
  expected: `one of ${Object.keys(DTYPES).join(", ")}`,
  holds: (x): x is DType => typeof x === "string" && Object.hasOwn(DTYPES, x),
  remedy: dtypeRemedy,
};
export const FLOAT_DTYPE = kind<DType>("f32, f16 or bf16", (x) => DTYPE.holds(x) && DTYPES[x].float);

export const orNull = <V>({ expected, holds }: Kind<V>): Kind<V | null> =>
  kind(`${expected}, or null`, (x) => x === null || holds(x));

export const oneOf = <const V extends string>(...names: readonly V[]): Kind<V> =>
  kind(alternatives(names), (x) => names.includes(x as V));

/** "a", "b" or "c" */
function alternatives(names: readonly string[]): string {
  const quoted = names.map((name) => JSON.stringify(name));
  return `${quoted.slice(0, -1).join(", ")} or ${quoted[quoted.length - 1]}`;
}

/**
 * Refuses what is no object of options, names that are not in the table, and values of another kind; what is undefined was left out.
 * @param remedies what to write for names that others have for these
 * @throws HeedError with the names there are, and the nearest
 */
export function checkOptions<O extends object>(
  op: string,
  options: O,
  table: OptionTable<O>,
  remedies?: Remedies,
): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) noOptions(op, options, table);
  for (const name in options) {
    if (!Object.hasOwn(table, name)) unknownOption(op, name, options, table, remedies);
    const value = options[name];
    const { holds, expected, remedy } = table[name];
    if (value !== undefined && !holds(value)) fail(op, `${name} ${expected}`, shown(value), remedy?.(value));
  }
}

function noOptions(op: string, options: unknown, table: object): never {
  fail(op, "an object of options", shown(options), `pass { ${Object.keys(table)[0]}: ... }`);
}

function unknownOption(op: string, name: string, options: object, table: object, remedies: Remedies = {}): never {
  const prototype = Object.getPrototypeOf(options);
  if (prototype !== Object.prototype && prototype !== null) noOptions(op, options, table);
  const known = Object.keys(table);
  fail(op, `options named ${known.join(", ")}`, name, remedyFor(name, known, remedies));
}

/** What somebody who wrote `name` should write: PyTorch's spelling in camelCase, another's name for the same, or the nearest. */
export function remedyFor(name: string, known: readonly string[], remedies: Remedies = {}): string | undefined {
  const camel = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  const written = known.includes(camel) ? camel : Object.hasOwn(remedies, camel) ? remedies[camel] : undefined;
  if (written !== undefined) return `write ${written}`;
  const near = suggest(name, known);
  return near && `did you mean ${near}?`;
}
