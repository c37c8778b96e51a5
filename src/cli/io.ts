// What a verb has to do with the world outside: where it prints, how it hears of Ctrl-C, how files are written. Tests put their own here.

import { HeedError } from "../base/errors.js";
import type { Stage } from "../train/run-folder.js";
import type { ProgressStream } from "./progress.js";

export interface Io {
  readonly stdout: ProgressStream;
  readonly stderr: ProgressStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Calls `stop` at Ctrl-C or when asked to end, with the exit code that says so; returns a function that ends the listening. */
  readonly onStop: (stop: (exitCode: number) => void) => () => void;
  /**
   * Calls `tidy` when the process ends, by a signal that nothing else listens to as well; returns a function that ends the listening. What
   * it does must be done at once.
   */
  readonly onExit: (tidy: () => void) => () => void;
  /** How a file is written beside its place; the usual way when left out. */
  readonly stage?: Stage;
}

/** Words that make no sense on the command line: exit code 2, where other errors have 1. */
export class UsageError extends HeedError {}

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;
/** Those that end a process, whether or not it can be asked to stop by them. */
const ENDS = { ...SIGNALS, SIGHUP: 129 } as const;

/** The process's own. A second Ctrl-C ends it at once. */
export const processIo: Io = {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  onStop(stop) {
    let heard = false;
    const listeners = Object.entries(SIGNALS).map(([signal, code]) => {
      const listener = () => {
        if (heard) process.exit(code);
        heard = true;
        stop(code);
      };
      process.on(signal, listener);
      return () => process.off(signal, listener);
    });
    return () => {
      for (const end of listeners) end();
    };
  },
  onExit(tidy) {
    const listeners = Object.entries(ENDS).map(([signal, code]) => {
      // Where nobody else listens the signal would have ended the process at once. So it does, but by way of its exit.
      const listener = () => {
        if (process.listenerCount(signal) === 1) process.exit(code);
      };
      process.on(signal, listener);
      return () => process.off(signal, listener);
    });
    process.on("exit", tidy);
    return () => {
      process.off("exit", tidy);
      for (const end of listeners) end();
    };
  },
};

/** Text in red, where that can be seen and is wanted. */
export function red(text: string, { stderr, env }: Io): string {
  return stderr.isTTY && !env.NO_COLOR ? `\x1b[31m${text}\x1b[39m` : text;
}
