// npm run example NAME [-- its own words]: runs an example of examples/; without a name, lists them.

import { build } from "./build.mjs";
import { listed, namesIn, runFile } from "./run-files.mjs";

const [name, ...words] = process.argv.slice(2);
if (name === undefined || !namesIn("examples").includes(name)) {
  const list = listed("examples") || "  none yet";
  if (name !== undefined) console.error(`There is no example ${name}.`);
  console.log(`npm run example NAME runs one of:\n${list}`);
  process.exitCode = name === undefined ? 0 : 1;
} else {
  await build();
  process.exitCode = await runFile("examples", name, words);
}
