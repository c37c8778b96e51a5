// docs/attention.md: every example runs and prints what the page says, every picture is what the library draws, every link leads somewhere.
// HEED_UPDATE_DOCS=1 writes what is printed into the page.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { nativeExecutor } from "../../src/executors/native.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import * as heed from "../../src/index.js";
import * as inspect from "../../src/inspect/index.js";
import * as evaluate from "../../src/tensor/evaluate.js";
import { type Example, examplesOf, run } from "./run-markdown.js";

const docs = fileURLToPath(new URL("../../docs", import.meta.url));
const file = join(docs, "attention.md");
const page = readFileSync(file, "utf8");
const examples = examplesOf(page);
const modules = { heed: { ...heed }, "heed/inspect": { ...inspect } };
const updating = process.env.HEED_UPDATE_DOCS === "1";
const usual = evaluate.executor();

afterAll(() => void evaluate.setExecutor(usual));

const named = (example: Example) =>
  `line ${example.line}: ${example.code.split("\n").find((l) => !/^(import|$)/.test(l))}`;

it("has examples, most of which print something", () => {
  expect(examples.length).toBeGreaterThan(8);
  expect(examples.filter((e) => e.output !== null).length).toBeGreaterThan(8);
});

for (const executor of [new ReferenceExecutor(), nativeExecutor()].filter((e) => e !== null)) {
  describe(`examples (${executor.name})`, () => {
    let updated = page;
    for (const example of examples)
      it(named(example), async () => {
        evaluate.setExecutor(executor);
        const printed = await run(example, example === examples[0] ? null : examples[0], modules);
        if (example.output === null) return;
        if (updating)
          updated = updated.replace(
            `${example.code}\`\`\`\n\n\`\`\`text\n${example.output}`,
            (block) => block.slice(0, block.length - (example.output as string).length) + printed,
          );
        else expect(printed).toBe(example.output);
      });
    if (updating && executor.name === "reference") afterAll(() => writeFileSync(file, updated));
  });
}

it("shows the pictures that scripts/draw-docs.mjs draws", async () => {
  evaluate.setExecutor(new ReferenceExecutor());
  const { drawDocs, MODULES } = await import(new URL("../../scripts/draw-docs.mjs", import.meta.url).href);
  const files = Object.entries<string>(MODULES);
  const source = async ([name, path]: [string, string]) => [
    name,
    await import(new URL(`../../src/${path}.ts`, import.meta.url).href),
  ];
  const drawn: Record<string, string> = drawDocs(Object.fromEntries(await Promise.all(files.map(source))));
  expect(Object.keys(drawn).length).toBe(4);
  for (const [name, picture] of Object.entries(drawn)) {
    expect(page).toContain(`](images/${name})`);
    expect(readFileSync(join(docs, "images", name), "utf8") === picture, `${name} as it is drawn now`).toBe(true);
  }
});

it("links to what is there", () => {
  for (const [, target] of page.matchAll(/\]\(([^)#]+)(?:#[\w-]*)?\)/g))
    expect(existsSync(join(dirname(file), target)), target).toBe(true);
  const anchors = [...page.matchAll(/^#+ (.*)$/gm)].map(([, words]) =>
    words
      .toLowerCase()
      .replace(/[^\w ]/g, "")
      .replaceAll(" ", "-"),
  );
  for (const [, anchor] of page.matchAll(/\]\(#([\w-]*)\)/g)) expect(anchors).toContain(anchor);
});
