// npm start, as the script behind it, on a short text.

import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { RHYME, TINY, temporaryFolder } from "./support.js";

const root = temporaryFolder();
const text = join(root, "rhyme.txt");
writeFileSync(text, RHYME);
const script = fileURLToPath(new URL("../../scripts/start.mjs", import.meta.url));

function start(words: string): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [script, ...words.split(" ")], { stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stdout.on("data", (data) => (out += data));
  child.stderr.on("data", (data) => (err += data));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, out, err })));
}

describe("npm start", () => {
  it("takes a text anywhere among the flags, writes, and says how to go on with this very run", async () => {
    const out = join(root, "run");
    const first = await start(`--out ${out} ${TINY} --steps 3000 ${text} --steps 2`);
    expect(first.code, first.err).toBe(0);
    expect(first.out).toContain("rhyme.txt: 2,438 characters");
    expect(first.out).toContain("\none two thre");
    expect(first.out).toContain(`  npm start -- --steps 5000 --out ${out} --resume`);
    const more = await start(`--resume --steps 3 --out ${out}`);
    expect(more.code, more.err).toBe(0);
    expect(more.out).toContain("Going on from step 2 to 3");
  });

  it("leaves it at the error where something is wrong", async () => {
    const out = join(root, "hot");
    const diverged = await start(`${text} --out ${out} ${TINY} --steps 9 --learning-rate 1e30 --warmup 0`);
    expect(diverged.code).toBe(1);
    expect(diverged.err).toContain("lower the learning rate");
    expect(diverged.out).not.toContain("--resume");
    const twice = await start(`${text} ${text} --out ${join(root, "none")}`);
    expect(twice).toMatchObject({ code: 2, out: "" });
    expect(existsSync(join(root, "none"))).toBe(false);
  });
});
