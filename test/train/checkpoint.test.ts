import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { fail } from "../../src/base/errors.js";
import { writeSafetensors } from "../../src/tensor/safetensors.js";
import { stageFile } from "../../src/tensor/safetensors-atomic.js";
import { packTraining, packWeights, readRunState, restoreTraining } from "../../src/train/checkpoint.js";
import { type StepMetrics, train } from "../../src/train/loop.js";
import {
  inspectRunFolder,
  loadTrainingFile,
  RUN_FILES,
  removeLeftovers,
  type Stage,
  saveRunFiles,
} from "../../src/train/run-folder.js";
import { constant } from "../../src/train/schedules.js";
import { setUp, weightsOf } from "./support.js";

const root = mkdtempSync(join(tmpdir(), "heed-checkpoint-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
function newFolder(): string {
  const folder = join(root, String(folders++));
  mkdirSync(folder);
  return folder;
}

type Run = ReturnType<typeof setUp>;
const schedule = constant({ learningRate: 0.01 });

async function steps(run: Run, start: number, end: number): Promise<Omit<StepMetrics, "tokensPerSecond">[]> {
  const seen: Omit<StepMetrics, "tokensPerSecond">[] = [];
  await train({ ...run.parts, start, steps: end, schedule, onStep: ({ tokensPerSecond, ...rest }) => seen.push(rest) });
  return seen;
}

async function save(run: Run, folder: string, step: number, stage?: Stage): Promise<void> {
  const { tensors, metadata } = packTraining(run.parts, {
    step,
    settings: { color: "red" },
    best: { step: 1, loss: 3 },
  });
  const model = writeSafetensors(packWeights(run.model), { step: String(step) });
  await saveRunFiles(folder, { training: writeSafetensors(tensors, metadata), model, config: [`${step}`] }, stage);
}

const bytesOf = (folder: string, file: string) => readFileSync(join(folder, file)).toString("base64");

describe("a checkpoint", () => {
  it.each([0, 0.3])("goes on bit for bit as if never stopped, dropout %d", async (dropout) => {
    // 45 windows to an epoch of 11 batches: the run goes through the seam between two of them.
    const whole = setUp({ dropout });
    const expected = await steps(whole, 0, 30);
    const [a, b] = [newFolder(), newFolder()];
    await save(whole, a, 30);

    const first = setUp({ dropout });
    const metrics = await steps(first, 0, 13);
    await save(first, b, 13);
    const second = setUp({ dropout, seed: 99 });
    const file = await loadTrainingFile(b);
    expect(readRunState(file)).toMatchObject({ step: 13, settings: { color: "red" }, best: { step: 1, loss: 3 } });
    restoreTraining(second.parts, file);
    metrics.push(...(await steps(second, 13, 30)));
    await save(second, b, 30);

    expect(metrics).toEqual(expected);
    expect(weightsOf(second.model)).toEqual(weightsOf(whole.model));
    for (const file of ["model.safetensors", "training.safetensors"]) expect(bytesOf(b, file)).toBe(bytesOf(a, file));
  });

  it("stays whole when a file of the next one cannot be written", async () => {
    const run = setUp();
    const folder = newFolder();
    await steps(run, 0, 2);
    await save(run, folder, 2);
    const before = Object.fromEntries(readdirSync(folder).map((file) => [file, bytesOf(folder, file)]));
    expect(Object.keys(before).sort()).toEqual(["config.json", "model.safetensors", "training.safetensors"]);
    await steps(run, 2, 4);
    const full: Stage = async (path, chunks) =>
      path.endsWith(RUN_FILES.model) ? fail("save", "room", "a full disk (ENOSPC)") : stageFile(path, chunks);
    await expect(save(run, folder, 4, full)).rejects.toThrow("save: expected room, got a full disk (ENOSPC)");
    const after = Object.fromEntries(readdirSync(folder).map((file) => [file, bytesOf(folder, file)]));
    expect(after).toEqual(before);
  });

  it("can be resumed after a crash between any two files", async () => {
    for (const crashAt of Object.values(RUN_FILES).slice(0, 4)) {
      const run = setUp();
      const folder = newFolder();
      await save(run, folder, 0);
      await steps(run, 0, 2);
      let crashed = false;
      const crash: Stage = async (path, chunks) => {
        const staged = await stageFile(path, chunks);
        const commit = async () => {
          crashed ||= path.endsWith(crashAt);
          if (!crashed) await staged.commit();
        };
        return { ...staged, commit, discard: async () => {} };
      };
      await save(run, folder, 2, crash);
      const left = readdirSync(folder).filter((name) => name.endsWith(".tmp"));
      expect(left.length > 0, crashAt).toBe(crashAt !== RUN_FILES.tokenizer);
      const again = setUp({ seed: 7 });
      const { step } = restoreTraining(again.parts, await loadTrainingFile(folder));
      expect(step).toBe(crashAt === RUN_FILES.training ? 0 : 2);
      expect(weightsOf(again.model)).toEqual(weightsOf(step === 0 ? setUp().model : run.model));
      await removeLeftovers(folder);
      expect(readdirSync(folder).sort()).toEqual(["config.json", "model.safetensors", "training.safetensors"]);
    }
  });

  it("is not made of weights that are no numbers", async () => {
    const run = setUp();
    run.model.norm.bias?.fill(Number.POSITIVE_INFINITY);
    expect(() => packWeights(run.model)).toThrow("checkpoint: expected finite numbers in norm.bias, got Infinity at 0");
    expect(() => packTraining(run.parts, { step: 1, settings: {}, best: null })).toThrow("finite numbers");
  });

  it("says what does not fit, and leaves the run as it was", async () => {
    const run = setUp();
    const folder = newFolder();
    await save(run, folder, 0);
    const file = await loadTrainingFile(folder);
    const before = weightsOf(run.model);
    const tensors = new Map(file.tensors);
    tensors.delete("model.norm.weight");
    expect(() => restoreTraining(run.parts, { ...file, tensors })).toThrow("missing: norm.weight");
    expect(() => restoreTraining(run.parts, { ...file, metadata: new Map() })).toThrow(
      "to be the training state of a Heed run",
    );
    const metadata = (state: string) => new Map([...file.metadata, ["state", state]]);
    expect(() => restoreTraining(run.parts, { ...file, metadata: metadata("{") })).toThrow("to hold its state as JSON");
    expect(() => restoreTraining(run.parts, { ...file, metadata: metadata('{"version":9}') })).toThrow(
      "of version 1, got 9",
    );
    expect(() => restoreTraining(run.parts, { ...file, metadata: metadata('{"version":1}') })).toThrow(
      "the whole state",
    );
    expect(weightsOf(run.model)).toEqual(before);
    expect(() => restoreTraining(setUp({ batch: 5 }).parts, file)).not.toThrow();
  });

  it("knows a run's folder from others", async () => {
    const folder = newFolder();
    expect(await inspectRunFolder(folder)).toBe("free");
    expect(await inspectRunFolder(join(folder, "not there"))).toBe("free");
    await expect(loadTrainingFile(join(folder, "not there"))).rejects.toThrow("not there, which does not exist");
    await expect(loadTrainingFile(folder)).rejects.toThrow("which is empty; leave out --resume to begin one");
    writeFileSync(join(folder, ".model.safetensors.1.2.tmp"), "");
    expect(await inspectRunFolder(folder)).toBe("free");
    writeFileSync(join(folder, "letter.txt"), "");
    expect(await inspectRunFolder(folder)).toBe("foreign");
    await expect(inspectRunFolder(join(folder, "letter.txt"))).rejects.toThrow("run folder: expected a folder at");
    await save(setUp(), folder, 0);
    expect(await inspectRunFolder(folder)).toBe("run");
  });
});
