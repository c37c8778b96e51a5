// The text of --help, from the same declaration that the words are read by.

import { type Flag, flagName, type Verb } from "./arguments.js";

const WIDTH = 100;

/** `heed VERB --help`: usage, words, flags with their defaults, examples; at most `width` columns. */
export function verbHelp(verb: Verb, width = process.stdout.columns ?? WIDTH): string {
  const columns = Math.max(40, Math.min(width, WIDTH));
  const words = verb.positionals.map(({ name, optional }) => (optional ? `[<${name}>]` : `<${name}>`));
  const hasFlags = Object.keys(verb.flags).length > 0;
  const sections = [
    `${verb.summary}.`,
    `Usage: ${["heed", verb.name, ...words, hasFlags ? "[flags]" : ""].filter(Boolean).join(" ")}`,
  ];
  const groups = new Map<string, (readonly [string, string])[]>();
  for (const [key, flag] of Object.entries(verb.flags)) {
    const heading = flag.group ?? "Flags";
    groups.set(heading, [...(groups.get(heading) ?? []), [usage(key, flag), flagHelp(flag)]]);
  }
  const last = [...groups.keys()].at(-1) ?? "Flags";
  groups.set(last, [...(groups.get(last) ?? []), ["-h, --help", "show this and stop"]]);
  const positionals = verb.positionals.map(({ name, help }) => [`<${name}>`, help] as const);
  const left = Math.max(...[...groups.values(), positionals].flat().map(([name]) => name.length));
  if (positionals.length) sections.push(table(positionals, left, columns));
  for (const [heading, rows] of groups) sections.push(`${heading}:\n${table(rows, left, columns)}`);
  if (verb.examples.length)
    sections.push(
      `Example${verb.examples.length > 1 ? "s" : ""}:\n${verb.examples.map((line) => `  ${line}`).join("\n")}`,
    );
  return `${sections.join("\n\n")}\n`;
}

/** `heed --help`: the verbs, a line each. */
export function programHelp(verbs: readonly Verb[], summary: string, width = process.stdout.columns ?? WIDTH): string {
  const rows = verbs.map(({ name, summary }) => [name, summary] as const);
  const left = Math.max(...rows.map(([name]) => name.length));
  const list = table(rows, left, Math.max(40, Math.min(width, WIDTH)));
  return `${summary}.\n\nUsage: heed <verb> [flags]\n\nVerbs:\n${list}\n\nheed <verb> --help tells more; heed --version says which this is.\n`;
}

function usage(key: string, flag: Flag): string {
  if (flag.type === "boolean") return flag.default ? `--no-${flagName(key).slice(2)}` : flagName(key);
  const choices = flag.type === "string" ? flag.choices?.join("|") : undefined;
  const kinds = { string: "<text>", integer: "<n>", number: "<number>" };
  return `${flagName(key)} ${flag.placeholder ?? choices ?? kinds[flag.type]}`;
}

function flagHelp(flag: Flag): string {
  return flag.type === "boolean" || flag.default === undefined
    ? flag.help
    : `${flag.help} (default\u00a0${flag.default})`;
}

/** Two columns, the second wrapped under itself; words joined by a no-break space stay together. */
function table(rows: readonly (readonly [string, string])[], left: number, width: number): string {
  const indent = Math.min(left, 34) + 4;
  return rows
    .map(([name, help]) => {
      const lines = wrap(help, Math.max(24, width - indent));
      const fits = name.length + 4 <= indent;
      const head = fits ? `  ${name.padEnd(indent - 2)}${lines.shift() ?? ""}` : `  ${name}`;
      return [head, ...lines.map((line) => " ".repeat(indent) + line)].join("\n");
    })
    .join("\n");
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines.map((line) => line.replaceAll("\u00a0", " "));
}
