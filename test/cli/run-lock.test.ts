// One run to a folder, with real processes: what is under test is what happens between them, and when one of them is ended.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { fail } from "../../src/base/errors.js";
import { RunLock } from "../../src/cli/run-lock.js";
import { stageFile } from "../../src/tensor/safetensors-atomic.js";
import { heed, RHYME, TINY, temporaryFolder } from "./support.js";

/** What `npm test` builds before it runs the tests. */
const command = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const root = temporaryFolder();
const text = join(root, "rhyme.txt");
writeFileSync(text, RHYME);
let runs = 0;
const newRun = () => join(root, `run${runs++}`);
const lockOf = (out: string) => join(out, "training.lock");
/** Longer than any test takes. */
const ENDLESS = `${TINY} --steps 1000000 --save-every 5 --eval-every 1000000`;

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}
interface Started {
  readonly child: ChildProcess;
  /** What it has printed so far. */
  readonly said: () => string;
  readonly ended: Promise<Ended>;
}
const children = new Set<ChildProcess>();
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
});

function start(program: string, words: readonly string[]): Started {
  const child = spawn(program, words, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, HEED_THREADS: "1" },
  });
  children.add(child);
  let [out, err] = ["", ""];
  child.stdout?.on("data", (data) => (out += data));
  child.stderr?.on("data", (data) => (err += data));
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code) => {
      children.delete(child);
      resolve({ code, out, err });
    });
  });
  return { child, said: () => out, ended };
}

const starting = (words: string) => start(process.execPath, [command, ...words.split(" ")]);
const ran = (words: string) => starting(words).ended;
const train = (out: string, flags: string) => `train ${text} --out ${out} ${flags}`;

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    if (tries > 1000) throw new Error("nothing came of it in 50 seconds");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A run that has come some steps far, in a process of its own. */
async function running(out: string): Promise<Started> {
  const run = starting(train(out, ENDLESS));
  const metrics = join(out, "metrics.jsonl");
  await until(() => existsSync(metrics) && readFileSync(metrics, "utf8").split("\n").length > 8);
  return run;
}

/** A lock as somebody left it. */
function leave(out: string, lock: object | string): void {
  mkdirSync(out, { recursive: true });
  writeFileSync(lockOf(out), typeof lock === "string" ? lock : `${JSON.stringify(lock)}\n`);
}
const gone = { pid: 2 ** 22 + 1, host: hostname(), started: "1999-01-02T03:04:05.678Z", process: "another/1" };

/** Where no more than the number is known of a process, one that began lately must be taken for the one that lives. */
const lately = existsSync("/proc/self/stat") ? new Date().toISOString() : gone.started;

describe("two runs in one folder", () => {
  it("are refused to the second, which is told of the first; text can be written meanwhile", async () => {
    const out = newRun();
    const { child, ended } = await running(out);
    expect(JSON.parse(readFileSync(lockOf(out), "utf8"))).toMatchObject({ pid: child.pid, host: hostname() });
    for (const words of [train(out, TINY), train(out, `${TINY} --overwrite`), `train --resume --out ${out}`]) {
      const { code, out: said, err } = await ran(words);
      expect({ code, said }).toEqual({ code: 1, said: "" });
      expect(err).toMatch(/^heed: train: expected a folder that no other run is writing to, got \S+, where process \d+ trains since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d; wait for it, stop it by Ctrl-C there or by kill \d+, or give another --out\n$/); // biome-ignore format: long
      expect(err).toContain(`${out}, where process ${child.pid} trains`);
    }
    expect(await ran(`generate ${out} --tokens 5`)).toMatchObject({ code: 0, err: "" });
    child.kill("SIGINT");
    const { code, out: said } = await ended;
    expect(code).toBe(130);
    expect(said).toContain("Stopped and saved at step");
    expect(existsSync(lockOf(out))).toBe(false);
    const steps = readFileSync(join(out, "metrics.jsonl"), "utf8").trimEnd().split("\n");
    expect(steps.map((line) => JSON.parse(line).step)).toEqual(steps.map((_, i) => i + 1));
  });

  it("are refused to all but one that come at once, to a new folder and to one whose run was killed", async () => {
    const [fresh, killed] = [newRun(), newRun()];
    leave(killed, gone);
    for (const out of [fresh, killed]) {
      const all = [1, 2, 3, 4].map(() => starting(train(out, ENDLESS)));
      const over = new Set<Started>();
      for (const run of all) run.ended.then(() => over.add(run));
      await until(() => over.size === 3);
      for (const { ended } of over) {
        const { code, err } = await ended;
        expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining("where process") });
      }
      const [winner] = all.filter((run) => !over.has(run));
      expect(JSON.parse(readFileSync(lockOf(out), "utf8")).pid).toBe(winner.child.pid);
      winner.child.kill("SIGKILL");
      await winner.ended;
    }
  });

  it("where the first one's folder was removed: it makes it anew, unless another has it by now", async () => {
    const out = newRun();
    mkdirSync(out);
    const lock = await RunLock.take(out, () => {});
    expect(await lock.confirm()).toBe(false);
    rmSync(out, { recursive: true });
    expect(await lock.confirm()).toBe(true);
    expect(existsSync(lockOf(out))).toBe(true);
    rmSync(out, { recursive: true });
    const { child, ended } = await running(out);
    await expect(lock.confirm()).rejects.toThrow(`where process ${child.pid} trains`);
    lock.release();
    expect(JSON.parse(readFileSync(lockOf(out), "utf8")).pid).toBe(child.pid);
    child.kill("SIGINT");
    expect((await ended).code).toBe(130);
  });

  it("are refused within one process as well", async () => {
    const out = newRun();
    mkdirSync(out);
    const lock = await RunLock.take(out, () => {});
    const { code, err } = await heed(train(out, `${TINY} --steps 1`));
    expect(code).toBe(1);
    expect(err).toContain(`where process ${process.pid} trains since`);
    lock.release();
    expect(readdirSync(out)).toEqual([]);
    expect((await heed(train(out, `${TINY} --steps 1`))).code).toBe(0);
    expect(existsSync(lockOf(out))).toBe(false);
  });
});

describe("a run that ends", () => {
  it("by kill -9 leaves a lock that --resume takes over, saying so", async () => {
    const out = newRun();
    const { child, ended } = await running(out);
    child.kill("SIGKILL");
    await ended;
    expect(existsSync(lockOf(out))).toBe(true);
    expect(await ran(`generate ${out} --tokens 5`)).toMatchObject({ code: 0, err: "" });
    const { out: at } = await heed(`train --resume --out ${out} --steps 5`);
    expect(at).toContain("give more --steps to train on");
    const resumed = starting(`train --resume --out ${out}`);
    await until(() => resumed.said().includes("Going on from step "));
    expect(JSON.parse(readFileSync(lockOf(out), "utf8")).pid).toBe(resumed.child.pid);
    resumed.child.kill("SIGTERM");
    const { out: said } = await resumed.ended;
    expect(said).toMatch(
      new RegExp(
        `^Process ${child.pid}, which trained in ${out} since .*, is gone without having ended its run; this one takes its place\\.\n`,
      ),
    );
    expect(existsSync(lockOf(out))).toBe(false);
  });

  it.each(["SIGTERM", "SIGHUP"] as const)("by %s gives the folder free", async (signal) => {
    const out = newRun();
    const { child, ended } = await running(out);
    child.kill(signal);
    expect((await ended).code).toBe(signal === "SIGTERM" ? 143 : 129);
    expect(existsSync(lockOf(out))).toBe(false);
  });

  it("because nobody reads what it prints saves first, as for any other signal", async () => {
    const out = newRun();
    const { child, ended } = starting(`${train(out, TINY)} --layers 12 --steps 5000`);
    child.stdout?.once("data", () => child.stdout?.destroy()); // before the first step, which has much to compile
    expect(await ended).toMatchObject({ code: 143, err: "" });
    expect(existsSync(lockOf(out))).toBe(false);
    const { out: said } = await ran(`train --resume --out ${out} --steps 1`);
    const [, step] = /is at step (\d+) of 1;/.exec(said) ?? [];
    expect(Number(step)).toBeGreaterThan(0);
    expect(Number(step)).toBeLessThan(5000);
  });

  it("in an error gives the folder free", async () => {
    const out = newRun();
    const stage = async (path: string, chunks: Iterable<Uint8Array | string>) => {
      expect(existsSync(lockOf(out))).toBe(true);
      if (path.endsWith("model.safetensors")) fail("save", "room", "a full disk (ENOSPC)");
      return stageFile(path, chunks);
    };
    expect((await heed(train(out, `${TINY} --steps 1`), { stage })).code).toBe(1);
    expect(readdirSync(out)).toEqual([]);
  });
});

describe("a run that is resumed", () => {
  it("does not go back behind what another has saved since it was read", async () => {
    const out = newRun();
    await heed(train(out, `${TINY} --steps 2`));
    leave(out, gone);
    const checkpoint = join(out, "training.safetensors");
    let said = "";
    const write = (words: string) => {
      said += words;
      // The lock is taken over, and the checkpoint read: now comes what another run has done in between.
      if (words.includes("takes its place")) writeFileSync(checkpoint, readFileSync(checkpoint));
    };
    const { code, err } = await heed(`train --resume --out ${out} --steps 4`, { stdout: { isTTY: false, write } });
    expect(said).toContain("takes its place");
    expect({ code, err }).toEqual({ code: 1, err: "heed: train --resume: expected a checkpoint that nothing else changes, got one that another run has just replaced; go on from that: give the command again\n" }); // biome-ignore format: long
    expect(existsSync(lockOf(out))).toBe(false);
    expect((await heed(`train --resume --out ${out} --steps 4`)).code).toBe(0);
  });
});

describe("a lock that was left", () => {
  it.each([
    ["by a process that is gone", gone, `Process ${gone.pid}, which trained in`],
    [
      "by one whose number another has now",
      { ...gone, pid: process.ppid, started: lately },
      `Process ${process.ppid}, which`,
    ],
    ["by one whose number this one has now", { ...gone, pid: process.pid }, `Process ${process.pid}, which`],
    ["before the system was started", { ...gone, pid: process.ppid, process: null, started: "1999-01-01T00:00:00Z" }, "Process"], // biome-ignore format: long
    ["with a number that no process has", { ...gone, pid: -1 }, "named no process"],
    ["with one above all numbers", { ...gone, pid: 2 ** 32 + 1 }, "named no process"],
    ["longer than any lock", `{"pid":1,"host":"${"x".repeat(10_000)}"}`, "named no process"],
    ["half written", '{"pid":1', "named no process; it has been replaced.\n"],
    ["empty, as a power cut does it", "", "named no process; it has been replaced.\n"],
  ])("%s is taken over", async (_, lock, note) => {
    const out = newRun();
    leave(out, lock);
    const { code, out: said } = await heed(train(out, `${TINY} --steps 1`));
    expect(code).toBe(0);
    expect(said.split("\n", 1)[0]).toContain(note.trimEnd());
    leave(out, lock);
    expect(await heed(`train --resume --out ${out} --steps 2 --quiet`)).toEqual({ code: 0, out: "", err: "" });
    expect(readdirSync(out).filter((name) => name.includes("lock"))).toEqual([]);
  });

  it("on another computer is respected", async () => {
    const out = newRun();
    leave(out, { ...gone, host: "elsewhere" });
    const { code, err } = await heed(train(out, `${TINY} --steps 1`));
    expect(code).toBe(1);
    expect(err).toMatch(/where process \d+ on elsewhere trains since 1999-01-0[123] \d\d:\d\d:05; if it has ended, which cannot be seen from here, remove \S+training\.lock; or give another --out\n$/); // biome-ignore format: long
    rmSync(lockOf(out));
    expect((await heed(train(out, `${TINY} --steps 1`))).code).toBe(0);
  });
});

describe("a lock that cannot be made", () => {
  it("is named with the reason", async () => {
    const out = newRun();
    mkdirSync(lockOf(out), { recursive: true });
    const { code, err } = await heed(train(out, `${TINY} --steps 1`));
    expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining(`to be able to read ${lockOf(out)}, got something that is no file`) }); // biome-ignore format: long
    expect(readdirSync(out)).toEqual(["training.lock"]);
  });

  it.runIf(process.platform !== "win32")("on a disk that takes no more", async () => {
    const out = newRun();
    // A limit of 0 on the size of files stands for a full disk; without the signal that goes with it.
    const script = `trap '' XFSZ; ulimit -f 0; exec "$0" "$@"`;
    const { code, out: said, err } = await start("/bin/sh", ["-c", script, process.execPath, command, ...train(out, TINY).split(" ")]).ended; // biome-ignore format: long
    expect({ code, said, err }).toEqual({
      code: 1,
      said: "",
      err: `heed: train: expected room for ${lockOf(out)}, got a limit on the size of files (EFBIG); free some, or give another --out\n`,
    });
    expect(readdirSync(out)).toEqual([]);
  });

  it("where a link leads nowhere", async () => {
    const out = newRun();
    mkdirSync(out);
    symlinkSync(join(root, "nowhere"), lockOf(out));
    await expect(RunLock.take(out, () => {})).rejects.toThrow(
      `heed train: expected to be able to make ${lockOf(out)}, got something in its place; remove it`,
    );
  });

  it("in a folder that refuses", async () => {
    const out = newRun();
    await expect(RunLock.take(out, () => {})).rejects.toThrow(
      `heed train: expected to be able to write ${lockOf(out)}, got ENOENT: no such file or directory, open '${lockOf(out)}'; give an --out that can be written to`,
    );
  });
});
