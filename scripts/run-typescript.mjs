// node --import ./scripts/run-typescript.mjs bench/name.ts: runs benchmarks and examples as they are written, against dist.
// Each file's types are taken off as it is loaded (checking them is npm run check's work), and an import of the sources
// goes to what was built from them, so that what is measured is what is shipped, and is loaded once.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { register } from "node:module";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";

if (isMainThread) register(import.meta.url); // the hooks below run in a thread of their own

const root = new URL("../", import.meta.url).href;

export async function resolve(specifier, context, next) {
  if (/^\.\.?\//.test(specifier) && specifier.endsWith(".js") && context.parentURL?.endsWith(".ts")) {
    const url = new URL(specifier, context.parentURL).href;
    if (url.startsWith(`${root}src/`)) return next(`${root}dist/${url.slice(root.length + 4)}`, context);
    const source = `${url.slice(0, -3)}.ts`;
    if (existsSync(fileURLToPath(source))) return next(source, context);
  }
  return next(specifier, context);
}

export async function load(url, context, next) {
  if (!url.startsWith(root) || !url.endsWith(".ts")) return next(url, context);
  const { default: ts } = await import("typescript");
  const { outputText } = ts.transpileModule(await readFile(new URL(url), "utf8"), {
    fileName: fileURLToPath(url),
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
      inlineSourceMap: true,
    },
  });
  return { format: "module", source: outputText, shortCircuit: true };
}
