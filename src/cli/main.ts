#!/usr/bin/env node
// The command `heed` as a process; heed.ts is what it does.

import { main } from "./heed.js";

// A reader that has seen enough, as in `heed generate ... | head`, is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

process.exitCode = await main(process.argv.slice(2));
