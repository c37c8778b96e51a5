// Brings everything that is built up to date: packages, native kernels, dist. Says what it does, and nothing when there is
// nothing to do.

import { spawn } from "node:child_process";
import { existsSync, readdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { buildNative, explain, newest, npmFile } from "./build-native.mjs";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/**
 * Builds what is missing or out of date; ends the process when that fails.
 * @param strict whether kernels that do not compile are an error; a compiler that is not there never is
 */
export async function build({ strict = true, verbose = false } = {}) {
  const installed = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(installed) || statSync(installed).mtimeMs < newest("package-lock.json")) {
    console.error("Installing packages ...");
    const npm = npmFile("bin", "npm-cli.js");
    const [command, args, shell] = npm
      ? [process.execPath, [npm, "ci"], false]
      : ["npm", ["ci"], process.platform === "win32"];
    await must(await run(command, args, { shell }), "npm ci failed");
  }
  const native = await buildNative({ verbose });
  if (native.state === "failed") {
    if (!native.missing) console.error(native.tail);
    console.error(`\n${explain(native)}\n`);
    if (strict && !native.missing) process.exit(1);
  }
  await compile();
}

async function compile() {
  const stamp = join(root, "dist", ".tsbuildinfo");
  const whole = ["index.js", "cli/main.js"].every(
    (file) => existsSync(join(root, "dist", file)) || !existsSync(join(root, "src", file.replace(".js", ".ts"))),
  );
  if (!whole) rmSync(stamp, { force: true });
  if (
    existsSync(stamp) &&
    statSync(stamp).mtimeMs >= newest("src", "tsconfig.json", "tsconfig.build.json", "node_modules/.package-lock.json")
  )
    return;
  console.error("Compiling TypeScript ...");
  const code = await run(process.execPath, [
    join(root, "node_modules", "typescript", "bin", "tsc"),
    "-p",
    "tsconfig.build.json",
  ]);
  // The stamp is what the next build goes by: it must not be newer than the sources after a failure, nor older after success.
  const time = code === 0 ? new Date() : new Date(0);
  if (existsSync(stamp)) utimesSync(stamp, time, time);
  await must(code, "TypeScript found errors");
  removeOrphans();
}

/** What was compiled from a source that is gone must not be imported by anybody. */
function removeOrphans() {
  for (const file of readdirSync(join(root, "dist"), { recursive: true })) {
    const source = /^(.*?)(?:\.d\.ts|\.js)$/.exec(file)?.[1];
    if (source && !existsSync(join(root, "src", `${source}.ts`))) rmSync(join(root, "dist", file));
  }
}

async function must(code, failure) {
  if (code === 0) return;
  console.error(failure);
  process.exit(code);
}

/**
 * Runs a command in the repository with this terminal as its own. Ctrl-C is left to the command, which may have
 * something to save; the terminal sends it to both.
 * @returns its exit code, 128 + n after signal n
 */
export function run(command, args, { shell = false, env = process.env } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: "inherit", shell, env });
    const interrupt = () => {
      if (!process.stdin.isTTY && !process.stdout.isTTY) child.kill("SIGINT");
    };
    const terminate = () => child.kill("SIGTERM");
    process.on("SIGINT", interrupt).on("SIGTERM", terminate);
    const end = (code) => {
      process.off("SIGINT", interrupt).off("SIGTERM", terminate);
      resolve(code);
    };
    child.on("error", (error) => {
      console.error(error.message);
      end(1);
    });
    child.on("exit", (code, signal) =>
      end(code ?? 128 + ({ SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }[signal] ?? 1)),
    );
  });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await build({ verbose: process.argv.includes("--verbose") });
}
