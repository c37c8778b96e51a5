// Measures in a fresh Node process what something takes of memory. The process runs plain JavaScript: the TypeScript compiler, through which
// benchmarks are loaded, would be counted as Heed's.

import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import ts from "typescript";

// Inside the package, where "heed" is the package itself.
const folder = fileURLToPath(new URL(`../../build/bench-${process.pid}/`, import.meta.url));

/**
 * Runs the first of these files of bench/ with the request as its argument (JSON), and returns what it prints (JSON too).
 * @param files paths within bench/, without extension: the file, and those it imports by relative paths
 */
export async function inFreshProcess<T>(files: readonly string[], request: object): Promise<T> {
  try {
    for (const file of files) {
      const source = readFileSync(new URL(`../${file}.ts`, import.meta.url), "utf8");
      const compilerOptions = {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
      };
      const path = join(folder, `${file}.js`);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, ts.transpileModule(source, { compilerOptions }).outputText);
    }
    const args = ["--expose-gc", join(folder, `${files[0]}.js`), JSON.stringify(request)];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return JSON.parse(stdout) as T;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
