#!/usr/bin/env node
// The command `heed` as a process; heed.ts is what it does.

import { main } from "./heed.js";

// A reader that has seen enough, as in `heed generate ... | head`, is no error. A run that has something to save is asked to stop, as by a
// signal; what it prints on the way out goes nowhere.
let gone = false;
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (gone) return;
  if (error.code !== "EPIPE") throw error;
  gone = true;
  if (!process.emit("SIGTERM", "SIGTERM")) process.exit(0);
});

process.exitCode = await main(process.argv.slice(2));
