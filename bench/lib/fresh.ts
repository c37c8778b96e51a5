// Measures in a fresh Node process what training takes of memory. The process runs plain JavaScript: the TypeScript compiler, through which
// benchmarks are loaded, would be counted as Heed's.

import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import ts from "typescript";
import type { Footprint, Request } from "./footprint.js";

const FILES = ["footprint", "gpt"];

// Inside the package, where "heed" is the package itself.
const folder = fileURLToPath(new URL(`../../build/bench-${process.pid}/`, import.meta.url));

export async function footprintOf(request: Request): Promise<Footprint> {
  mkdirSync(folder, { recursive: true });
  try {
    for (const file of FILES) {
      const source = readFileSync(new URL(`${file}.ts`, import.meta.url), "utf8");
      const compilerOptions = {
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
      };
      writeFileSync(join(folder, `${file}.js`), ts.transpileModule(source, { compilerOptions }).outputText);
    }
    const args = ["--expose-gc", join(folder, "footprint.js"), JSON.stringify(request)];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return JSON.parse(stdout) as Footprint;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
