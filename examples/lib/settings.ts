// What an example is told behind `npm run example NAME --`.

import { parseArgs } from "node:util";

/** Ends the run with one line that says why. */
export function stop(problem: string): never {
  console.error(problem);
  return process.exit(1);
}

type Setting = number | string | boolean;
type Settings<T> = { [K in keyof T]: T[K] extends number ? number : T[K] extends boolean ? boolean : string };

/** Each setting as `--name value` gives it, else as it stands in `defaults`; a switch is named alone. Others end the run, with what there is. */
export function settings<T extends Record<string, Setting>>(defaults: T): Settings<T> {
  const entries = Object.entries(defaults);
  const refuse = (problem: string): never => {
    const known = entries.map(([name, value]) =>
      typeof value === "boolean" ? `--${name}` : `--${name} ${value}`.trim(),
    );
    return stop(`${problem}. There are: ${known.join(", ")}`);
  };
  const options = entries.map(([name, value]) => [name, { type: typeof value === "boolean" ? "boolean" : "string" }]);
  const parse = () => {
    try {
      return parseArgs({ options: Object.fromEntries(options) }).values;
    } catch (error) {
      return refuse((error as Error).message.split(". To specify a positional")[0].replace(/\.$/, ""));
    }
  };
  const given = parse() as Record<string, string | boolean>;
  const read = ([name, value]: [string, Setting]) => {
    const word = given[name] ?? value;
    if (typeof value !== "number") return [name, word];
    const number = Number(word);
    const fits = word !== "" && Number.isFinite(number) && (Number.isInteger(number) || !Number.isInteger(value));
    return [
      name,
      fits ? number : refuse(`--${name} takes a ${Number.isInteger(value) ? "whole " : ""}number, not ${word}`),
    ];
  };
  return Object.fromEntries(entries.map(read));
}
