// npm start [-- text.txt] [-- flags of heed train]: builds what is missing, trains a small GPT on Moby-Dick with live
// progress, and lets it write. Flags given here come after the ones below, and the later of two counts; a run that is resumed
// keeps its own text and settings.

import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { build, root, run } from "./build.mjs";

const DEMO = "runs/demo";
const MOBY_DICK = "data/moby-dick.txt";
const SHAPE = "--layers 4 --heads 4 --width 128 --context 64 --batch 12";
const COURSE = "--steps 2000 --learning-rate 1e-3 --warmup 100 --seed 1";

const words = process.argv.slice(2);
await build({ strict: false });
const resume = words.includes("--resume");
const given = await textAmong(words);
const text = given ?? (resume ? undefined : MOBY_DICK);
const out = lastValue("--out") ?? DEMO;
const folder = resolve(root, out);
const heed = (...args) => run(process.execPath, [join(root, "dist", "cli", "main.js"), ...args]);

if (words.includes("--help") || words.includes("-h")) {
  console.log("npm start -- [text.txt] [flags]   trains, then writes; the flags are those of heed train:\n");
  process.exit(await heed("train", "--help"));
}

// An earlier demo makes room for this one, but is only thrown away once there is something in its place.
const previous = join(root, "runs", "demo-previous");
const replaces = folder === join(root, DEMO) && !resume && existsSync(folder);
if (replaces) {
  await refuseWhileTraining(folder);
  rmSync(previous, { recursive: true, force: true });
  renameSync(folder, previous);
}
const settings = resume ? [] : [...SHAPE.split(" "), ...COURSE.split(" ")];
const trained = await heed("train", ...(text && !given ? [text] : []), "--out", out, ...settings, ...words);
const made = existsSync(join(folder, "model.safetensors"));
if (replaces && !made) {
  rmSync(folder, { recursive: true, force: true });
  renameSync(previous, folder);
}
if (trained !== 0) {
  // Stopped, that is; an error comes with its own remedy.
  if (made && trained > 128)
    console.log(
      `\nTo go on from there: npm start -- ${[...words.filter((word) => word !== "--resume"), "--resume"].join(" ")}`,
    );
  process.exit(trained);
}

// What a resumed run was trained on only it knows; without a prompt the model begins by itself.
const prompt = text === MOBY_DICK ? "Call me Ishmael" : text ? beginning(text) : "";
console.log();
const wrote = await heed("generate", out, "--prompt", prompt, "--tokens", "400", "--stream");
console.log();
if (wrote === 0) {
  const steps = Math.max(5000, 2 * Number(lastValue("--steps") ?? 0));
  const further = `npm start -- --steps ${steps} ${out === DEMO ? "" : `--out ${out} `}--resume`;
  const shown = relative(process.cwd(), join(root, "dist", "cli", "main.js"));
  console.log(`\nThe model is in ${out}: its weights, tokenizer, metrics and loss.svg${replaces ? " (the demo before it is in runs/demo-previous)" : ""}. Try:

  node ${shown} generate ${out} --prompt ${JSON.stringify(prompt)} --temperature 0.5 --stream
  ${further.padEnd(38)} train it further
  npm start -- data/tang-poems.txt       train one on Tang poems
  npm run example                        see what else there is
  node ${shown} --help`);
}
process.exit(wrote);

/** The text, which may stand anywhere among the flags. Of words that make no sense, heed train will say so. */
async function textAmong(words) {
  const [{ parseArguments }, { trainVerb }] = await Promise.all([
    import("../dist/cli/arguments.js"),
    import("../dist/cli/verbs.js"),
  ]);
  try {
    return parseArguments(trainVerb, words).positionals[0];
  } catch {
    return undefined;
  }
}

/** The value of the last flag of that name: --out x or --out=x. */
function lastValue(flag) {
  let value;
  for (const [i, word] of words.entries()) {
    if (word === flag) value = words[i + 1];
    else if (word.startsWith(`${flag}=`)) value = word.slice(flag.length + 1);
  }
  return value;
}

/** A text's first words make a prompt of letters that it surely knows. */
function beginning(path) {
  const file = resolve(root, path);
  const first = existsSync(file)
    ? readFileSync(file, "utf8")
        .split("\n")
        .find((line) => line.trim())
    : undefined;
  return [...(first ?? "The").trim()].slice(0, 12).join("").trim();
}

/** A folder that somebody is writing to is not moved away from under him. */
async function refuseWhileTraining(path) {
  const { refuseBusyFolder } = await import("../dist/cli/run-lock.js");
  await refuseBusyFolder(path).catch((error) => {
    console.error(error.message);
    process.exit(1);
  });
}
