// npm test [-- files and vitest's own flags]: builds what is missing, then runs the tests.

import { join } from "node:path";
import { build, root, run } from "./build.mjs";

await build();
process.exitCode = await run(process.execPath, [
  join(root, "node_modules", "vitest", "vitest.mjs"),
  "run",
  ...process.argv.slice(2),
]);
