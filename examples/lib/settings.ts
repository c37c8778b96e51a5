// What an example is told behind `npm run example NAME --`.

import { parseArgs } from "node:util";

type Setting = number | string | boolean;
type Settings<T> = { [K in keyof T]: T[K] extends number ? number : T[K] extends boolean ? boolean : string };

/** Each setting as `--name value` gives it, else as it stands in `defaults`; a switch is named alone. Others end the run, with what there is. */
export function settings<T extends Record<string, Setting>>(defaults: T): Settings<T> {
  const entries = Object.entries(defaults);
  const stop = (problem: string): never => {
    const known = entries.map(([name, value]) =>
      typeof value === "boolean" ? `--${name}` : `--${name} ${value}`.trim(),
    );
    console.error(`${problem}. There are: ${known.join(", ")}`);
    return process.exit(1);
  };
  const options = entries.map(([name, value]) => [name, { type: typeof value === "boolean" ? "boolean" : "string" }]);
  const parse = () => {
    try {
      return parseArgs({ options: Object.fromEntries(options) }).values;
    } catch (error) {
      return stop((error as Error).message.split(". To specify a positional")[0].replace(/\.$/, ""));
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
      fits ? number : stop(`--${name} takes a ${Number.isInteger(value) ? "whole " : ""}number, not ${word}`),
    ];
  };
  return Object.fromEntries(entries.map(read));
}
