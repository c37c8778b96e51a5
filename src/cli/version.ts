// The version of this package, from its package.json, which lies at the same place beside the sources and what is built from them.

import { readFileSync } from "node:fs";

export function version(): string {
  return JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version;
}
