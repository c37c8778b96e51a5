// What a verb of the command line takes, declared once: from the declaration come typed values, the errors and --help.
// Splitting words into flags is node:util's parseArgs; what they mean, and what is said when they mean nothing, is here.

import { parseArgs } from "node:util";
import { fail, HeedError } from "../base/errors.js";
import { suggest } from "../base/suggest.js";

interface Common {
  /** One line for --help, without a full stop. */
  readonly help: string;
  /** What stands for the value in --help, `<number>` and the like when left out. */
  readonly placeholder?: string;
  /** The heading in --help under which the flag is listed; "Flags" when left out. */
  readonly group?: string;
}
export type Flag = Common &
  (
    | { readonly type: "boolean"; readonly default?: boolean }
    | { readonly type: "string"; readonly default?: string; readonly choices?: readonly string[] }
    | { readonly type: "number" | "integer"; readonly default?: number; readonly min?: number; readonly max?: number }
  );
export interface Positional {
  readonly name: string;
  readonly help: string;
  readonly optional?: boolean;
}
export interface Verb<F extends Readonly<Record<string, Flag>> = Readonly<Record<string, Flag>>> {
  readonly name: string;
  /** One sentence, without a full stop. */
  readonly summary: string;
  readonly positionals: readonly Positional[];
  /** By camelCase name: learningRate is --learning-rate on the command line. */
  readonly flags: F;
  /** Whole command lines. */
  readonly examples: readonly string[];
}

type ValueOf<F extends Flag> = F extends { type: "boolean" }
  ? boolean
  : F extends { type: "string"; choices: readonly (infer C)[] }
    ? C
    : F extends { type: "string" }
      ? string
      : number;
/** Each flag's value: a boolean or one with a default is always there. */
export type FlagValues<F extends Readonly<Record<string, Flag>>> = {
  readonly [K in keyof F]: F[K] extends { type: "boolean" } | { default: string | number }
    ? ValueOf<F[K]>
    : ValueOf<F[K]> | undefined;
};
export interface Parsed<F extends Readonly<Record<string, Flag>>> {
  /** True when --help or -h was among the words; nothing else is then checked. */
  readonly help: boolean;
  readonly flags: FlagValues<F>;
  /** In the order declared; optional ones may be missing. */
  readonly positionals: readonly string[];
  /** The flags that were on the command line, so that a default can be told from a choice. */
  readonly given: ReadonlySet<keyof F>;
}

/** Declares a verb; it is returned as it came, and its flags' types are kept. */
export function defineVerb<const F extends Readonly<Record<string, Flag>>>(verb: Verb<F>): Verb<F> {
  return verb;
}

/** learningRate as it is typed: --learning-rate. */
export function flagName(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/**
 * Reads a verb's words: `--flag value`, `--flag=value` (the value may be negative), `--flag` and `--no-flag` for booleans,
 * `--` before words that only look like flags. The last of equal flags wins.
 * @throws HeedError for an unknown flag (with the nearest known one), a bad or missing value, a missing or spare word
 */
export function parseArguments<F extends Readonly<Record<string, Flag>>>(
  verb: Verb<F>,
  words: readonly string[],
): Parsed<F> {
  const op = `heed ${verb.name}`;
  const keys = new Map(Object.keys(verb.flags).map((key) => [flagName(key), key]));
  const options: Record<string, { type: "string" | "boolean"; short?: string }> = {
    help: { type: "boolean", short: "h" },
  };
  for (const [name, key] of keys)
    options[name.slice(2)] = { type: verb.flags[key]!.type === "boolean" ? "boolean" : "string" };
  // Not strict: what parseArgs would say knows nothing of types, ranges and nearest names, and refuses negative numbers.
  const { tokens } = parseArgs({ args: [...words], options, strict: false, tokens: true, allowPositionals: true });

  const values: Record<string, string | number | boolean | undefined> = {};
  for (const [key, flag] of Object.entries<Flag>(verb.flags))
    values[key] = flag.default ?? (flag.type === "boolean" ? false : undefined);
  const positionals: string[] = [];
  const given = new Set<string>();
  let help = false;
  const problems: (() => never)[] = []; // --help anywhere comes before any complaint
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    if (token.name === "help") {
      help = true;
      continue;
    }
    const negated = token.rawName.startsWith("--no-") && !keys.has(token.rawName);
    const key = keys.get(negated ? `--${token.rawName.slice(5)}` : token.rawName);
    const flag = key === undefined ? undefined : verb.flags[key];
    if (key === undefined || flag === undefined || (negated && flag.type !== "boolean")) {
      problems.push(() => unknownFlag(verb, token.rawName));
      continue;
    }
    given.add(key);
    try {
      values[key] = flag.type === "boolean" ? readBoolean(op, token, negated) : readValue(op, flag, token, keys);
    } catch (error) {
      problems.push(() => {
        throw error;
      });
    }
  }
  if (!help) {
    problems[0]?.();
    checkCount(verb, positionals);
  }
  return { help, flags: values as FlagValues<F>, positionals, given };
}

type Token = {
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
};

function readBoolean(op: string, { rawName, value }: Token, negated: boolean): boolean {
  if (value === undefined) return !negated;
  if (negated || (value !== "true" && value !== "false"))
    fail(`${op} ${rawName}`, "no value, or true or false", quote(value));
  return value === "true";
}

function readValue(op: string, flag: Flag, { rawName, value, inlineValue }: Token, keys: ReadonlyMap<string, string>) {
  const label = `${op} ${rawName}`;
  // A flag where a value should be is a value forgotten; --prompt=--steps says that it is meant.
  if (value === undefined || (!inlineValue && keys.has(value.split("=")[0]!))) {
    return fail(label, expectation(flag), value === undefined ? "nothing after it" : `the flag ${value}`);
  }
  if (flag.type === "string") {
    if (flag.choices && !flag.choices.includes(value)) {
      const near = suggest(value, flag.choices);
      fail(label, expectation(flag), quote(value), near && `did you mean ${near}?`);
    }
    return value;
  }
  const number = value.trim() === "" ? Number.NaN : Number(value.replaceAll("_", ""));
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = flag as { min?: number; max?: number };
  const whole = flag.type !== "integer" || Number.isSafeInteger(number);
  if (!Number.isFinite(number) || !whole || number < min || number > max) fail(label, expectation(flag), quote(value));
  return number;
}

/** What a flag takes, in words: "a whole number of at least 1", "one of char, bpe". */
function expectation(flag: Flag): string {
  if (flag.type === "boolean") return "no value";
  if (flag.type === "string") return flag.choices ? `one of ${flag.choices.join(", ")}` : "a value";
  const kind = flag.type === "integer" ? "a whole number" : "a number";
  const { min, max } = flag;
  if (min !== undefined && max !== undefined) return `${kind} from ${min} to ${max}`;
  if (min !== undefined) return `${kind} of at least ${min}`;
  return max === undefined ? kind : `${kind} of at most ${max}`;
}

function unknownFlag(verb: Verb, name: string): never {
  const known = Object.keys(verb.flags).map(flagName);
  const near = suggest(name, known);
  const advice = near ? `did you mean ${near}?` : `heed ${verb.name} --help lists its flags`;
  throw new HeedError(`heed ${verb.name}: unknown flag ${name}; ${advice}`);
}

function checkCount({ name, positionals, flags }: Verb, words: readonly string[]): void {
  const missing = positionals.slice(words.length).find(({ optional }) => !optional);
  const advice = `see heed ${name} --help`;
  if (missing) fail(`heed ${name}`, `<${missing.name}>, ${missing.help}`, "none", advice);
  const spare = words[positionals.length];
  if (spare === undefined) return;
  const key = Object.keys(flags).find((candidate) => candidate === spare || flagName(candidate) === `--${spare}`);
  const count = positionals.length === 1 ? "one word" : `${positionals.length || "no"} words`;
  fail(`heed ${name}`, `${count} beside flags`, `${quote(spare)} too`, key ? `did you mean ${flagName(key)}?` : advice);
}

const quote = (value: string) => JSON.stringify(value);
