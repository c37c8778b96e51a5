// Fetches one npm package into a temporary folder and unpacks it: what the data-*.mjs scripts have in common.
// Runs `npm pack` and `tar`, so nothing is installed and no script of the package runs.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Calls `use(folder)` with the unpacked files of `name@version`, then removes them. */
export function withPackage(spec, use) {
  const folder = mkdtempSync(join(tmpdir(), "heed-data-"));
  try {
    const packed = execFileSync("npm", ["pack", "--silent", spec], { cwd: folder, encoding: "utf8" }).trim();
    execFileSync("tar", ["-xzf", packed.split("\n").at(-1)], { cwd: folder });
    return use(join(folder, "package"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
