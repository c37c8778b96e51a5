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
  throw atCaller(() => new HeedError(`${op}: expected ${expected}, got ${got}${remedy ? `; ${remedy}` : ""}`));
}

/** Runs a check that knows nothing of files, and adds to its error which one it was about. */
export function naming<R>(path: string, check: () => R): R {
  try {
    return check();
  } catch (error) {
    // What is wrong with the environment is not wrong with the file.
    if (error instanceof Error && !error.message.startsWith("HEED_")) error.message += ` (in ${path})`;
    throw error;
  }
}

/** The folder of Heed's own modules, as stack traces name it; empty in a bundle, where they cannot be told from others. */
const here: string = import.meta.url; // through a variable: a bundler would take the URL for an asset
const HOME = /\/base\/errors\.[jt]s$/.test(here) ? new URL("../", here).href : "";
/** With source maps a frame may be named by its path. */
const PATH = decodeURIComponent(HOME.replace(/^file:\/\//, ""));

/** The mistake is where Heed was called: the frames inside it, which may be many, are left out unless HEED_DEBUG is set. */
function atCaller(make: () => HeedError): HeedError {
  if (HOME === "" || (typeof process !== "undefined" && process.env?.HEED_DEBUG)) return make();
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 60;
  const error = make();
  Error.stackTraceLimit = limit;
  const lines = error.stack?.split("\n") ?? [];
  const first = lines.findIndex((line) => /^ {4}at /.test(line));
  const caller = lines.findIndex((line, i) => i >= first && !isOwn(line));
  if (first < 0 || caller < 0) return error;
  error.stack = [...lines.slice(0, first), ...lines.slice(caller, caller + limit)].join("\n");
  return error;
}

function isOwn(frame: string): boolean {
  return frame.includes(HOME) || frame.includes(PATH) || frame.includes("(<anonymous>)");
}
