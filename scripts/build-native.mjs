// Builds the native kernels with node-gyp when their sources are newer than what was built.
// --optional: a failure costs speed, not the installation; --verbose: the compiler's own words.
// It is part of the published package and stands alone.

import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const addon = join(root, "build", "Release", "heed.node");
const log = join(root, "build", "native.log");

/** The latest change, in ms, of files and of all that is in folders; a removed file changes its folder. */
export function newest(...paths) {
  let latest = 0;
  for (const path of paths.map((name) => join(root, name))) {
    const found = statSync(path, { throwIfNoEntry: false });
    const inside = found?.isDirectory() ? readdirSync(path, { recursive: true }) : [];
    for (const entry of ["", ...inside]) {
      latest = Math.max(latest, statSync(join(path, entry), { throwIfNoEntry: false })?.mtimeMs ?? 0);
    }
  }
  return latest;
}

/** A file of the npm that runs this, or else of the one that came with this Node; undefined where there is none. */
export function npmFile(...path) {
  const node = dirname(realpathSync(process.execPath));
  const homes = [
    join(node, "..", "lib", "node_modules", "npm"),
    join(node, "node_modules", "npm"),
    join(node, "..", "share", "nodejs", "npm"),
  ];
  if (process.env.npm_execpath) homes.unshift(join(realpathSync(process.env.npm_execpath), "..", ".."));
  return homes.map((home) => join(home, ...path)).find((file) => existsSync(file));
}

/**
 * Builds the addon when it is older than its sources.
 * @returns what came of it: { state: "fresh" | "built" | "failed", missing, tail }; `missing`: a tool that is not there
 */
export async function buildNative({ verbose = false } = {}) {
  if (isFresh()) return { state: "fresh" };
  if (!existsSync(join(root, "binding.gyp"))) return failed("binding.gyp is missing");
  const unlock = await lock();
  try {
    if (isFresh()) return { state: "fresh" };
    console.error("Building the native kernels, once: a few minutes ...");
    const began = performance.now();
    rmSync(addon, { force: true }); // if the build fails, an addon of older sources must not be taken for this one's
    const output = [];
    const code = await runNodeGyp(["configure", "build", "--jobs=max", ...nodeHeaders()], (text) => {
      output.push(text);
      if (verbose) process.stdout.write(text);
    });
    writeFileSync(log, output.join(""));
    if (code !== 0 || !existsSync(addon)) return failed(output.join(""));
    const now = new Date();
    utimesSync(addon, now, now); // make leaves it alone when only a comment changed
    console.error(`Built the native kernels in ${((performance.now() - began) / 1000).toFixed(0)} s`);
    return { state: "built" };
  } finally {
    unlock();
  }
}

/** What a failed build means, and what to do about it, in one paragraph. */
export function explain({ reason, missing }) {
  const tools = {
    darwin: "run xcode-select --install",
    win32: "install Visual Studio Build Tools with C++ and Clang, and Python 3",
    linux: "install a C compiler, make and Python 3 (Debian, Ubuntu: apt-get install build-essential python3)",
  };
  const remedy = missing
    ? `For full speed ${tools[process.platform] ?? tools.linux}`
    : "For full speed try a newer GCC or Clang (CC=clang)";
  return (
    `Heed: the native kernels could not be built: ${reason}. Heed works all the same, on its reference executor in plain ` +
    `JavaScript, with the same results but many times slower. ${remedy}, then run \`node ${join(root, "scripts", "build-native.mjs")}\`. ` +
    `The command \`heed doctor\` shows what is in use; the compiler's words are in ${log}`
  );
}

function isFresh() {
  return existsSync(addon) && statSync(addon).mtimeMs >= newest("kernels", "binding.gyp");
}

function failed(output) {
  const missing = [
    [/Could not find any Python/, "Python 3 was not found"],
    [/not found: make|spawn make ENOENT/, "make was not found"],
    [/(?:make|sh)[^\n]*\b(cc|gcc|g\+\+|clang|clang\+\+)\b[^\n]*(?:not found|No such file)/, "no C compiler was found"],
    [/Could not find any Visual Studio|MSBuild\.exe.*not found/i, "Visual Studio Build Tools were not found"],
    [/No Xcode or CLT/, "the Xcode command line tools were not found"],
    [/spawn \S*np[mx]\S* ENOENT/, "neither npm nor node-gyp was found"],
    [/getaddrinfo|ECONNREFUSED|ETIMEDOUT|request to https\S* failed/, "Node's headers could not be fetched"],
  ].find(([pattern]) => pattern.test(output))?.[1];
  const said = output
    .split("\n")
    .find((line) => /\berror\b[: ]/i.test(line))
    ?.trim();
  return {
    state: "failed",
    missing: missing !== undefined,
    reason: missing ?? said ?? "the compiler stopped",
    tail: output.trimEnd().split("\n").slice(-30).join("\n"),
  };
}

/** Headers beside this Node make the build independent of the network. */
function nodeHeaders() {
  const home = join(dirname(realpathSync(process.execPath)), "..");
  if (process.env.npm_config_nodedir || !existsSync(join(home, "include", "node", "node_api.h"))) return [];
  return [`--nodedir=${home}`];
}

function runNodeGyp(words, onText) {
  const gyp = [process.env.npm_config_node_gyp, npmFile("node_modules", "node-gyp", "bin", "node-gyp.js")].find(
    (file) => file && existsSync(file),
  );
  const [command, args, shell] = gyp
    ? [process.execPath, [gyp, ...words], false]
    : ["npx", ["--yes", "node-gyp", ...words], process.platform === "win32"];
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, shell, stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.on("data", (data) => onText(String(data)));
    child.stderr.on("data", (data) => onText(String(data)));
    child.on("error", (error) => {
      onText(`${error.message}\n`);
      resolve(1);
    });
    child.on("close", (code) => resolve(code ?? 1));
  });
}

/** One build at a time: npm start and npm test may run side by side. A lock whose process is gone counts for nothing. */
async function lock() {
  const file = join(root, "build", ".lock");
  mkdirSync(dirname(file), { recursive: true });
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: "wx" });
      return () => rmSync(file, { force: true });
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    try {
      process.kill(Number(readFileSync(file, "utf8")) || 2 ** 30, 0);
      await new Promise((resolve) => setTimeout(resolve, 200));
    } catch {
      rmSync(file, { force: true });
    }
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const words = process.argv.slice(2);
  const optional = words.includes("--optional");
  const result = await buildNative({ verbose: words.includes("--verbose") });
  if (result.state === "failed") {
    if (!optional) console.error(result.tail);
    console.error(`\n${explain(result)}\n`);
    process.exitCode = optional ? 0 : 1;
  }
}
