// node scripts/draw-docs.mjs: draws the pictures of docs/ (docs/images/*.svg) from what the library does: patterns that it computes, graphs
// that its passes leave behind, bounds that its programs carry. Runs what npm run build makes, on the reference executor.

import { mkdir, writeFile } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { drawGraph } from "./draw-graph.mjs";
import { drawTiles } from "./draw-tiles.mjs";

const T = 20;

/** The modules that the pictures are drawn with, by their files under src and dist. */
export const MODULES = {
  heed: "index",
  inspect: "inspect/index",
  labels: "inspect/labels",
  svg: "base/svg",
  compile: "compiler/compile",
  evaluate: "tensor/evaluate",
};

/**
 * All pictures by file name.
 * @param modules those of MODULES, loaded
 */
export function drawDocs(modules) {
  return {
    "attention-patterns.svg": drawPatterns(modules),
    "attention-graph.svg": drawGraph(modules),
    "attention-tiles.svg": drawTiles(modules),
    "attention-heads.svg": drawHeads(modules),
  };
}

/** Random queries and keys under four masks: what each lets through. */
function drawPatterns({ heed, inspect }) {
  const { arange, causalMask, cat, manualSeed, randn } = heed;
  manualSeed(123);
  const [query, key] = [randn(T, 16), randn(T, 16)];
  const scores = query.matmul(key.T).div(4);
  const distance = arange(T).view(T, 1).sub(arange(T)); // t - s
  const patterns = [
    scores,
    scores.add(causalMask(T)),
    scores.maskedFill(distance.lt(0).logicalOr(distance.gt(5)), Number.NEGATIVE_INFINITY),
    scores.add(distance.mul(-0.25)).add(causalMask(T)),
  ].map((masked) => masked.softmax(-1).unsqueeze(0));
  return inspect.heatMapSvg(cat(patterns, 0), {
    title: "The same queries and keys under four masks",
    heads: ["every key", "causal", "window of 6", "causal, ALiBi ¼"],
    range: [0, 0.5],
    across: 4,
  });
}

/** The example of the page, as its text computes it. */
function drawHeads({ heed, inspect }) {
  const { causalMask, manualSeed, randn } = heed;
  manualSeed(123);
  const [B, H, length, D] = [1, 2, 6, 8];
  const [query, key] = [randn(B, H, length, D), randn(B, H, length, D), randn(B, H, length, D)];
  const scores = query.matmul(key.transpose(-2, -1)).div(Math.sqrt(D));
  const pattern = scores.add(causalMask(length)).softmax(-1);
  return inspect.heatMapSvg(pattern.at(0), { rows: ["When", "in", "doubt", ",", "look", "."], title: "Two heads" });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.env.HEED_EXECUTOR = "reference";
  const built = async ([name, path]) => [name, await import(new URL(`../dist/${path}.js`, import.meta.url).href)];
  const modules = Object.fromEntries(await Promise.all(Object.entries(MODULES).map(built)));
  const folder = new URL("../docs/images/", import.meta.url);
  await mkdir(folder, { recursive: true });
  for (const [name, svg] of Object.entries(drawDocs(modules))) {
    await writeFile(new URL(name, folder), svg);
    console.log(fileURLToPath(new URL(name, folder)));
  }
}
