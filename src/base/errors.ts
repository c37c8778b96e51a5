// One way to fail: every message names the operation, what was expected, what came, and, where it is known, the remedy.

/** An error of use: wrong shapes, dtypes, values or files. Its message is `op: expected ..., got ...`. */
export class HeedError extends Error {
  override name = "HeedError";
}

/**
 * Throws `op: expected <expected>, got <got>[; <remedy>]`.
 * @throws HeedError always
 */
export function fail(op: string, expected: string, got: string, remedy?: string): never {
  throw new HeedError(`${op}: expected ${expected}, got ${got}${remedy ? `; ${remedy}` : ""}`);
}
