// A run of heed train from its first step, or its last checkpoint, to its end: keeps the folder, the metrics and the screen up to date. What
// is said before and after is in training-words.ts.

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
import { Progress, short } from "./progress.js";
import type { RunSettings } from "./run-settings.js";
import { introduction, type Result, resuming, stopped, summary } from "./training-words.js";

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
  /** Throws where the folder is another run's by now; true where it was gone, and has been made anew. */
  readonly confirm: () => Promise<boolean>;
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
  private readonly metrics: MetricsFile[] = [];

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
    progress.line(introduction(run, { ...options, start }));
    await removeLeftovers(folder);
    // The folder is whole before the first step: a full disk shows now, and whatever happens later there is something to resume.
    await this.save(start);

    const stop = new AbortController();
    let stopCode = 0;
    const endListening = io.onStop((code) => {
      stopCode = code;
      stop.abort();
      progress.line("Stopping after this step; once more to stop at once, without saving.");
    });
    try {
      await this.openMetrics(options.metricsPath);
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
      if (!options.quiet)
        io.stdout.write(interrupted ? stopped(folder, step) : summary(run, { ...this.course(), seconds }));
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

  private course(): Pick<Result, "loss" | "validation" | "best"> {
    const { train, validation, best } = this;
    return { loss: (train.at(-1) as Point)[1], validation: validation.at(-1), best };
  }

  private evaluation(): (batches?: number) => Promise<number> {
    const { model, validation, settings } = this.run;
    return evaluation(model, validation, { batch: settings.batch, length: settings.context });
  }

  private async openMetrics(also: string | undefined): Promise<void> {
    const own = await MetricsFile.open(join(this.run.folder, RUN_FILES.metrics), this.start);
    this.metrics.push(own);
    for (const metrics of own.kept) this.remember(metrics);
    if (also !== undefined) this.metrics.push(await MetricsFile.open(also, this.start));
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
    const anew = await this.run.confirm();
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
    const changing =
      anew || step === this.start ? files : { training: files.training, model: files.model, chart: files.chart };
    try {
      await saveRunFiles(folder, changing, io.stage);
    } catch (error) {
      if (this.saved !== null && error instanceof Error)
        error.message += `; the checkpoint of step ${this.saved} is whole: ${resuming(folder)}`;
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
}

function scheduleOf({ schedule, learningRate, warmup, steps }: RunSettings): Schedule {
  if (schedule === "constant") return SCHEDULES.constant({ learningRate, warmup });
  return SCHEDULES[schedule]({ learningRate, warmup, steps, lowest: learningRate / 10 });
}
