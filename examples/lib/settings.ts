// What an example is told behind `npm run example NAME --`.

import { parseArgs } from "node:util";

type Setting = number | string | boolean;
type Settings<T> = { [K in keyof T]: T[K] extends number ? number : T[K] extends boolean ? boolean : string };

/** Each setting as `--name value` gives it, else as it stands in `defaults`; a switch is named alone. */
export function settings<T extends Record<string, Setting>>(defaults: T): Settings<T> {
  const entries = Object.entries(defaults);
  const options = entries.map(([name, value]) => [name, { type: typeof value === "boolean" ? "boolean" : "string" }]);
  const given = parseArgs({ options: Object.fromEntries(options) }).values as Record<string, string | boolean>;
  const read = ([name, value]: [string, Setting]) => {
    const word = given[name] ?? value;
    if (typeof value !== "number") return [name, word];
    if (!Number.isFinite(Number(word))) throw new Error(`--${name}: expected a number, got ${word}`);
    return [name, Number(word)];
  };
  return Object.fromEntries(entries.map(read));
}
