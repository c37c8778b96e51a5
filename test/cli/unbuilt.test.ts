// Heed where its install script did not run, as npm can be told to: it says what is missing, and works.

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { temporaryFolder } from "./support.js";

const root = temporaryFolder();
const house = fileURLToPath(new URL("../..", import.meta.url));
for (const name of ["dist", "package.json"]) cpSync(join(house, name), join(root, name), { recursive: true });

it("says that the kernels are not built, or why they do not load", () => {
  const { HEED_EXECUTOR, HEED_ISA, HEED_THREADS, ...env } = process.env;
  const command = join(root, "dist", "cli", "main.js");
  const doctor = () => spawnSync(process.execPath, [command, "doctor"], { encoding: "utf8", env });
  const addon = join(root, "build", "Release", "heed.node");
  const unbuilt = doctor();
  expect(unbuilt.status, unbuilt.stderr).toBe(0);
  expect(unbuilt.stdout).toContain("executor   reference: the native kernels are missing");
  expect(unbuilt.stdout).toContain(`missing    the native kernels are not built: no ${addon}`);
  expect(unbuilt.stdout).toContain(`run: node ${join(root, "scripts", "build-native.mjs")}`);
  mkdirSync(join(root, "build", "Release"), { recursive: true });
  writeFileSync(addon, "no addon");
  expect(doctor().stdout).toContain("missing    the native kernels do not load: ");
});
