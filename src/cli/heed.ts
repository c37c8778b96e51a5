// The command `heed`: finds the verb, reads its words, runs it, and turns errors into one clear line and an exit code.

import { HeedError } from "../base/errors.js";
import { suggest } from "../base/suggest.js";
import { type Flag, type Parsed, parseArguments, type Verb } from "./arguments.js";
import { programHelp, verbHelp } from "./help.js";
import { type Io, processIo, red, UsageError } from "./io.js";
import { doctorVerb, generateVerb, trainVerb } from "./verbs.js";
import { version } from "./version.js";

const SUMMARY = "Heed trains, runs and looks into small Transformers";

interface Command {
  readonly verb: Verb;
  readonly run: (words: readonly string[], io: Io) => Promise<number>;
}

const COMMANDS: readonly Command[] = [
  command(trainVerb, async () => (await import("./train.js")).train),
  command(generateVerb, async () => (await import("./generate.js")).generateText),
  command(doctorVerb, async () => (await import("./doctor.js")).doctor),
];

function command<F extends Readonly<Record<string, Flag>>>(
  verb: Verb<F>,
  load: () => Promise<(parsed: Parsed<F>, io: Io) => Promise<number>>,
): Command {
  const run = async (words: readonly string[], io: Io) => {
    const parsed = usage(() => parseArguments(verb, words));
    if (parsed.help) {
      io.stdout.write(verbHelp(verb, io.stdout.columns));
      return 0;
    }
    return (await load())(parsed, io);
  };
  return { verb, run };
}

/** Runs `heed` with these words and returns its exit code: 0, 1 after an error, 2 for words it does not understand. */
export async function main(words: readonly string[], io: Io = processIo): Promise<number> {
  try {
    return await dispatch(words, io);
  } catch (error) {
    io.stderr.write(`${red(`heed: ${oneLine(error)}`, io)}\n`);
    if (io.env.HEED_DEBUG) io.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
    else if (!isExpected(error)) io.stderr.write("heed: HEED_DEBUG=1 shows where this happened\n");
    return error instanceof UsageError ? 2 : 1;
  }
}

async function dispatch([first, ...rest]: readonly string[], io: Io): Promise<number> {
  const verbs = COMMANDS.map(({ verb }) => verb);
  const help = programHelp(verbs, SUMMARY, io.stdout.columns);
  switch (first) {
    case undefined:
      io.stderr.write(help);
      return 2;
    case "--version":
    case "-v":
      io.stdout.write(`${version()}\n`);
      return 0;
    case "--help":
    case "-h":
    case "help":
      if (rest.length === 0 || first !== "help") {
        io.stdout.write(help);
        return 0;
      }
      return find(rest[0]).run(["--help"], io);
  }
  return find(first).run(rest, io);
}

function find(word: string): Command {
  const found = COMMANDS.find(({ verb }) => verb.name === word);
  if (found) return found;
  const near = suggest(
    word,
    COMMANDS.map(({ verb }) => verb.name),
  );
  const what = word.startsWith("-") ? "flag" : "verb";
  throw new UsageError(
    `unknown ${what} ${word}; ${near ? `did you mean heed ${near}?` : "heed --help lists the verbs"}`,
  );
}

/** Errors of reading the words are errors of usage. */
function usage<R>(read: () => R): R {
  try {
    return read();
  } catch (error) {
    if (error instanceof HeedError) throw new UsageError(error.message.replace(/^heed /, ""));
    throw error;
  }
}

function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/\s*\n\s*/g, " ").replace(/^heed /, "");
}

/** Whether the message says enough: our own errors, and the system's. */
function isExpected(error: unknown): boolean {
  return error instanceof HeedError || (error instanceof Error && "code" in error && "syscall" in error);
}
