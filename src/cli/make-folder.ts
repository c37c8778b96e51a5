// Makes a folder and those that it lies in. Node's own way, { recursive: true }, tries again for ever where the system says that there is no
// such folder above and there is one, as under /proc.

import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/** Makes the folder unless it is there. @throws Error of the system's where that cannot be done */
export function makeFolder(path: string): void {
  if (isFolder(path)) return;
  const parent = dirname(path);
  if (parent !== path) makeFolder(parent);
  try {
    mkdirSync(path);
  } catch (error) {
    if (!isFolder(path)) throw error; // another process may have made it meanwhile
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
