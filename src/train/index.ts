// heed/train: data sets in batches, optimizers, learning rates, the training loop, checkpoints.

export { type LossHistory, lossChart } from "./chart.js";
export {
  packTraining,
  packWeights,
  type RunState,
  readRunState,
  restoreTraining,
  type TrainingParts,
} from "./checkpoint.js";
export { type ClipGradNormOptions, clipGradNorm_, clipGradValue_ } from "./clip.js";
export { type Collated, defaultCollate } from "./collate.js";
export { DataLoader, type DataLoaderOptions } from "./data-loader.js";
export { type Dataset, randomSplit, Subset, TensorDataset } from "./datasets.js";
export { type EvaluationOptions, evaluation } from "./evaluation.js";
export { DivergedError, type StepMetrics, type TrainOptions, type TrainResult, train } from "./loop.js";
export type { Optimizer } from "./optimizer.js";
export type { Moments, OptimizerStateDict } from "./optimizer-state.js";
export { Adam, type AdamSettings, AdamW, SGD, type SGDSettings } from "./optimizers.js";
export type { Group, ParameterGroup } from "./parameter-group.js";
export { loadRun, loadTokenizer, loadTrainingFile, RUN_FILES, saveRunFiles } from "./run-folder.js";
export {
  constant,
  cosine,
  type DecayOptions,
  linear,
  type NoamOptions,
  noam,
  SCHEDULES,
  type Schedule,
  type ScheduleOptions,
} from "./schedules.js";
export { type TrainableModel, TrainingStep } from "./step.js";
