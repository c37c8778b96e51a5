// Runs an example as `npm run example NAME -- WORDS` does, and hands back what it exported and printed. What it writes into runs/ goes to a
// folder of its own, which is removed.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { format } from "node:util";
import { vi } from "vitest";

export interface Ran {
  /** What the example exports: the values that a test compares. */
  readonly exports: Readonly<Record<string, unknown>>;
  readonly printed: string;
}

export async function runExample(name: string, ...words: string[]): Promise<Ran> {
  const lines: string[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((...parts: unknown[]) => void lines.push(format(...parts)));
  const write = vi.spyOn(process.stdout, "write").mockImplementation(() => true);
  const argv = process.argv;
  process.argv = [argv[0], name, ...words];
  vi.resetModules();
  const [here, folder] = [process.cwd(), mkdtempSync(join(tmpdir(), "heed-example-"))];
  process.chdir(folder);
  try {
    const exports = (await import(`../../examples/${name}.ts`)) as Record<string, unknown>;
    return { exports, printed: lines.join("\n") };
  } finally {
    process.chdir(here);
    rmSync(folder, { recursive: true, force: true });
    process.argv = argv;
    log.mockRestore();
    write.mockRestore();
  }
}
