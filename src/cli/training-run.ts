// A run of heed train from its first step, or its last checkpoint, to its end: keeps the folder, the metrics and the screen up to date.

import { join } from "node:path";
import type { Generator } from "../base/random.js";
import type { GPT } from "../models/gpt.js";
import { writeSafetensors } from "../tensor/safetensors.js";
import type { LoadedSafetensors } from "../tensor/safetensors-file.js";
import type { WindowSampler } from "../text/sampler.js";
import type { Tokenizer } from "../text/tokenizer.js";
import { lossChart } from "../train/chart.js";
import { packTraining, packWeights, type RunState, restoreTraining, type TrainingParts } from "../train/checkpoint.js";
import { evaluation } from "../train/evaluation.js";
import { DivergedError, type StepMetrics, train } from "../train/loop.js";
import { AdamW } from "../train/optimizers.js";
import { RUN_FILES, removeLeftovers, saveRunFiles } from "../train/run-folder.js";
import { SCHEDULES, type Schedule } from "../train/schedules.js";
import type { Io } from "./io.js";
import { MetricsFile } from "./metrics-file.js";
import { duration, Progress, short } from "./progress.js";
import type { RunSettings } from "./run-settings.js";

export interface RunParts {
  readonly folder: string;
  readonly settings: RunSettings;
  readonly tokenizer: Tokenizer;
  readonly model: GPT;
  readonly sampler: WindowSampler;
  readonly generator: Generator;
  /** Tokens held back. */
  readonly validation: Int32Array;
  readonly io: Io;
}

export interface GoOptions {
  readonly quiet: boolean;
  /** The length of the text, for the line that is printed first. */
  readonly characters: number;
  readonly tokens: number;
  /** Where the metrics go as well. */
  readonly metricsPath?: string | undefined;
}

type Point = readonly [step: number, loss: number];

export class TrainingRun {
  private readonly parts: TrainingParts;
  private readonly train: Point[] = [];
  private readonly validation: Point[] = [];
  private start = 0;
  private speed = 0;
  /** The step of the checkpoint in the folder. */
  private saved: number | null = null;
  private best: RunState["best"] = null;
  private metrics: readonly MetricsFile[] = [];

  constructor(private readonly run: RunParts) {
    const { model, sampler, generator, settings } = run;
    // Weight decay is for matrices; it would only pull biases and norms off their course (Radford et al. 2018, GPT, section 4.1).
    const parameters = model.parameters();
    const groups = [
      { params: parameters.filter((p) => p.ndim >= 2), weightDecay: 0.1 },
      { params: parameters.filter((p) => p.ndim < 2), weightDecay: 0 },
    ];
    const optimizer = new AdamW(groups, { learningRate: settings.learningRate, betas: [0.9, 0.99] });
    this.parts = { model, optimizer, sampler, generator };
  }

  /** Goes back to a checkpoint. @throws HeedError where it does not fit */
  restore(file: LoadedSafetensors): void {
    const { step, best } = restoreTraining(this.parts, file);
    this.start = step;
    this.saved = step;
    this.best = best;
  }

  /** Trains to the last step. Returns the exit code. */
  async go(options: GoOptions): Promise<number> {
    const { run, start } = this;
    const { folder, settings, model, io } = run;
    const { optimizer, sampler } = this.parts;
    const began = performance.now();
    const progress = new Progress({ total: settings.steps, start, stream: io.stdout, quiet: options.quiet });
    progress.line(this.introduction(options));
    await removeLeftovers(folder);
    // The folder is whole before the first step: a full disk shows now, and whatever happens later there is something to resume.
    await this.save(start);
    await this.openMetrics(options.metricsPath);

    const stop = new AbortController();
    let stopCode = 0;
    const endListening = io.onStop((code) => {
      stopCode = code;
      stop.abort();
      progress.line("Stopping after this step; once more to stop at once, without saving.");
    });
    try {
      const { step, interrupted } = await train({
        model,
        optimizer,
        sampler,
        start,
        steps: settings.steps,
        schedule: scheduleOf(settings),
        accumulate: settings.accumulate,
        evaluation: { every: settings.evalEvery, run: this.evaluation() },
        checkpoint: { every: settings.saveEvery, save: (at) => this.save(at) },
        onStep: (metrics) => this.note(metrics, progress),
        signal: stop.signal,
      });
      progress.stop();
      const seconds = (performance.now() - began) / 1000;
      if (!options.quiet) io.stdout.write(interrupted ? this.stopped(step) : this.summary(seconds));
      return interrupted ? stopCode || 130 : 0;
    } catch (error) {
      progress.stop();
      if (error instanceof DivergedError) await this.drawDivergence(error);
      throw error;
    } finally {
      endListening();
      for (const file of this.metrics) file.close();
    }
  }

  private evaluation(): (batches?: number) => Promise<number> {
    const { model, validation, settings } = this.run;
    return evaluation(model, validation, { batch: settings.batch, length: settings.context });
  }

  private async openMetrics(also: string | undefined): Promise<void> {
    const own = await MetricsFile.open(join(this.run.folder, RUN_FILES.metrics), this.start);
    for (const metrics of own.kept) this.remember(metrics);
    this.metrics = also === undefined ? [own] : [own, await MetricsFile.open(also, this.start)];
  }

  private note(metrics: StepMetrics, progress: Progress): void {
    for (const file of this.metrics) file.write(metrics);
    this.remember(metrics);
    const { step, loss, validationLoss, tokensPerSecond } = metrics;
    if (validationLoss !== undefined && !(validationLoss >= (this.best?.loss ?? Number.POSITIVE_INFINITY))) {
      this.best = { step, loss: validationLoss };
    }
    const shown = validationLoss === undefined ? {} : { validationLoss };
    // The first step compiles, and single steps jump about.
    this.speed = step <= this.start + 2 ? tokensPerSecond : 0.9 * this.speed + 0.1 * tokensPerSecond;
    progress.update(step, { loss, ...shown, tokensPerSecond: this.speed });
  }

  private remember({ step, loss, validationLoss }: StepMetrics): void {
    this.train.push([step, loss]);
    if (validationLoss !== undefined) this.validation.push([step, validationLoss]);
  }

  private async save(step: number): Promise<void> {
    const { folder, settings, tokenizer, model, io } = this.run;
    for (const file of this.metrics) file.flush();
    const state = packTraining(this.parts, { step, settings: { ...settings }, best: this.best });
    const files = {
      training: writeSafetensors(state.tensors, state.metadata),
      config: [`${JSON.stringify({ model: "GPT", ...model.config }, null, 2)}\n`],
      tokenizer: [`${JSON.stringify(tokenizer.toJSON(), null, 1)}\n`],
      model: writeSafetensors(packWeights(model), { format: "pt", step: String(step) }),
      chart: [this.chart()],
    };
    // Config and tokenizer do not change, and a save of every session is enough to have them.
    const changing = step === this.start ? files : { training: files.training, model: files.model, chart: files.chart };
    try {
      await saveRunFiles(folder, changing, io.stage);
    } catch (error) {
      if (this.saved !== null && error instanceof Error)
        error.message += `; the checkpoint of step ${this.saved} is whole: npx heed train --resume --out ${quoted(folder)}`;
      throw error;
    }
    this.saved = step;
  }

  private chart(...more: Point[]): string {
    const { settings, model } = this.run;
    const title = `${settings.text}, ${short(model.countParameters())} parameters`;
    return lossChart({ train: [...this.train, ...more], validation: this.validation, title });
  }

  /** The picture shows where the loss left the numbers; weights stay those of the last checkpoint. */
  private async drawDivergence({ step, loss }: DivergedError): Promise<void> {
    const { folder, io } = this.run;
    await saveRunFiles(folder, { chart: [this.chart([step, loss])] }, io.stage).catch(() => undefined);
  }

  private introduction({ characters, tokens }: GoOptions): string {
    const { settings, tokenizer, model, folder } = this.run;
    const { text, steps, batch, context, accumulate } = settings;
    const count = (n: number) => n.toLocaleString("en");
    const vocabulary = `${count(tokens)} tokens of ${count(tokenizer.vocabularySize)} kinds`;
    const size = short(model.countParameters());
    const verb =
      this.start === 0
        ? `Training to step ${count(steps)}`
        : `Going on from step ${count(this.start)} to ${count(steps)}`;
    return `${text}: ${count(characters)} characters, ${vocabulary}; a GPT of ${size} parameters\n${verb} in ${folder}, ${count(batch * context * accumulate)} tokens a step`;
  }

  private summary(seconds: number): string {
    const { folder } = this.run;
    const [, loss] = this.train.at(-1) as Point;
    const last = this.validation.at(-1);
    const held = last ? `, ${last[1].toFixed(4)} on held-back text` : "";
    const better =
      last && this.best && this.best.step !== last[0]
        ? ` (best ${this.best.loss.toFixed(4)} at step ${this.best.step})`
        : "";
    return `\nTrained in ${duration(seconds)}: loss ${loss.toFixed(4)}${held}${better}.
The model is in ${folder}, its course in ${join(folder, RUN_FILES.chart)}. Let it write:
  npx heed generate ${quoted(folder)} --prompt ${quoted(this.prompt())}\n`;
  }

  private stopped(step: number): string {
    const { folder } = this.run;
    return `\nStopped and saved at step ${step}. To go on: npx heed train --resume --out ${quoted(folder)}\n`;
  }

  /** The beginning of the text held back: letters that the model knows. */
  private prompt(): string {
    const { tokenizer, validation } = this.run;
    const text = tokenizer.decode(validation.subarray(1, 64)).replaceAll("\ufffd", "").replace(/\s+/g, " ").trim();
    return text.split(" ").slice(1, 4).join(" ").slice(0, 24) || [...text].slice(0, 8).join("");
  }
}

function scheduleOf({ schedule, learningRate, warmup, steps }: RunSettings): Schedule {
  if (schedule === "constant") return SCHEDULES.constant({ learningRate, warmup });
  return SCHEDULES[schedule]({ learningRate, warmup, steps, lowest: learningRate / 10 });
}

/** A word as a shell takes it. */
function quoted(word: string): string {
  return /^[\w./:-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
