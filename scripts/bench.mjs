// npm run bench [names] [-- --json and other flags for them]: runs benchmarks of bench/, all when none is named.

import { build } from "./build.mjs";
import { listed, namesIn, runFile } from "./run-files.mjs";

const words = process.argv.slice(2);
const flagsAt = words.findIndex((word) => word.startsWith("-"));
const names = flagsAt < 0 ? words : words.slice(0, flagsAt);
const flags = flagsAt < 0 ? [] : words.slice(flagsAt);
const known = namesIn("bench");
const unknown = names.find((name) => !known.includes(name));
if (unknown !== undefined || known.length === 0) {
  console.error(
    `${unknown === undefined ? "There is no benchmark yet" : `There is no benchmark ${unknown}`}. There are:\n${listed("bench")}`,
  );
  process.exit(1);
}
if (flags.includes("--help") || flags.includes("-h")) {
  console.log(`npm run bench [names] [-- --json] measures all of these, or those named:\n${listed("bench")}`);
  process.exit(0);
}
await build();
for (const name of names.length ? names : known) {
  if (!flags.includes("--json")) console.log(`\n${name}`);
  const code = await runFile("bench", name, flags);
  if (code > 128) process.exit(code); // stopped by Ctrl-C: the rest is not wanted either
  process.exitCode ||= code;
}
