// The READMEs: every block of code runs and prints what the page says, both languages show the same code, and what they name is there.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { nativeExecutor } from "../../src/executors/native.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import * as heed from "../../src/index.js";
import * as models from "../../src/models/index.js";
import * as evaluate from "../../src/tensor/evaluate.js";
import * as train from "../../src/train/index.js";
import { examplesOf, run } from "./run-markdown.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const modules = { heed: { ...heed }, "heed/models": { ...models }, "heed/train": { ...train } };
const pages = ["README.md", "README.zh-CN.md"].map((name) => ({ name, page: readFileSync(join(root, name), "utf8") }));
const usual = evaluate.executor();

afterAll(() => void evaluate.setExecutor(usual));

for (const { name, page } of pages) {
  for (const executor of [new ReferenceExecutor(), nativeExecutor()].filter((e) => e !== null)) {
    describe(`${name} (${executor.name})`, () => {
      const examples = examplesOf(page);
      for (const [i, example] of examples.entries())
        it(`line ${example.line}`, async () => {
          evaluate.setExecutor(executor);
          // Only the second block goes on from the first.
          const printed = await run(example, i === 1 ? examples[0] : null, modules);
          if (example.output !== null) expect(printed).toBe(example.output);
        });
    });
  }

  it(`${name} links to what is there`, () => {
    for (const [, target] of page.matchAll(/\]\(([^)#]+)\)/g))
      expect(existsSync(join(root, target)), target).toBe(true);
  });

  it(`${name} lists the tutorials that are there, and the folders`, () => {
    const files = readdirSync(join(root, "examples")).filter((file) => /^\d\d-.*\.ts$/.test(file));
    const listed = [...page.matchAll(/^\| `(\d\d-[^`]*)` \|/gm)].map(([, example]) => `${example}.ts`);
    expect(listed).toEqual(files.sort());
    const rows = page.matchAll(/^\| ((?:`[a-z/]+` ?)+) \|/gm);
    const paths = [...rows].flatMap(([, words]) => words.split(" ").map((word) => word.replaceAll("`", "")));
    for (const path of paths) expect(existsSync(join(root, path)), path).toBe(true);
    const sources = readdirSync(join(root, "src")).filter((entry) => !entry.endsWith(".ts"));
    for (const folder of sources) expect(paths).toContain(`src/${folder}`);
  });
}

it("both languages show the same code", () => {
  const [english, chinese] = pages.map(({ page }) =>
    [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, , code]) =>
      code.replace(/\s+(?:\/\/|#) .*$/gm, "").replace(/^}\); \/\/.*$/gm, "});"),
    ),
  );
  expect(chinese).toEqual(english);
});
