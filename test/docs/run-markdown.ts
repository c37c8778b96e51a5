// Runs the ts blocks of a page as they stand there. Each goes on from the page's first block; what it prints is what the text block behind it
// says.

import { format } from "node:util";
import ts from "typescript";

export interface Example {
  readonly code: string;
  /** What the page says that it prints; null where it says nothing. */
  readonly output: string | null;
  /** Line of the page. */
  readonly line: number;
}

/** The ts blocks of a page, each with the text block that follows it. */
export function examplesOf(page: string): Example[] {
  const blocks = page.matchAll(/^```ts\n([\s\S]*?)^```\n(?:\n```text\n([\s\S]*?)^```\n)?/gm);
  return [...blocks].map(([, code, output], i, all) => ({
    code,
    output: output ?? null,
    line: page.slice(0, all[i].index).split("\n").length + 1,
  }));
}

/** Modules by the names that the page imports them by. */
export type Modules = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/**
 * What an example prints.
 * @throws Error for an import of what is not there
 */
export async function run(example: Example, first: Example | null, modules: Modules): Promise<string> {
  const lines: string[] = [];
  const console = { log: (...words: unknown[]) => lines.push(format(...words)) };
  const silent = { log: () => {} };
  const take = (name: string, path: string) => {
    if (!(path in modules) || !(name in modules[path])) throw new Error(`${path} has no ${name}`);
    return modules[path][name];
  };
  const before = first ? plain(first.code) : "";
  const code = `${before}\n{ const console = shown;\n${plain(example.code)}\n}`;
  const body = new AsyncFunction("take", "console", "shown", code);
  await body(take, silent, console);
  return lines.map((line) => `${line}\n`).join("");
}

const AsyncFunction = (async () => {}).constructor as new (
  ...words: string[]
) => (...given: unknown[]) => Promise<void>;

/** JavaScript without imports: what they named is taken by name. */
function plain(code: string): string {
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
  });
  return outputText
    .replace(/^import \{([^}]*)\} from "([^"]+)";$/gm, (_, names: string, path: string) =>
      names
        .split(",")
        .map((name) => name.trim())
        .filter((name) => name !== "")
        .map((name) => `const ${name.replace(/^\w+ as /, "")} = take("${name.replace(/ as .*/, "")}", "${path}");`)
        .join(" "),
    )
    .replace(/^export \{\};$/gm, "");
}
