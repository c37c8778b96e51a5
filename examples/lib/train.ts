// The loop of the examples that train, and the usual step for those that are about something else.

import { compile, type Tensor } from "heed";
import type { Adam, Schedule } from "heed/train";

/** Who is trained on what. */
interface Training<B> {
  readonly steps: number;
  readonly batches: Iterable<B>;
  readonly optimizer: Adam;
  readonly schedule: Schedule;
  /** Stands before each line. */
  readonly name?: string;
}

/** As `train`, each step being compiled and PyTorch's: the learning rate, the loss, its gradients, the optimizer. */
export function minimise<B>(
  { steps, batches, optimizer, schedule, name }: Training<B>,
  lossOf: (batch: B) => Tensor,
): number[] {
  const step = compile((batch: B) => {
    const loss = lossOf(batch);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  });
  const take = (batch: B, done: number) => {
    optimizer.learningRate = schedule(done);
    return step(batch);
  };
  return train(steps, batches, take, name);
}

/** Takes `steps` steps, over the batches again and again, and shows how it goes; the losses, each of the model before its step. */
export function train<B>(
  steps: number,
  batches: Iterable<B>,
  step: (batch: B, done: number) => Tensor,
  name?: string,
): number[] {
  const losses: number[] = [];
  while (losses.length < steps) {
    for (const batch of batches) {
      const loss = step(batch, losses.length).item();
      show(name, losses.push(loss), steps, loss);
      if (losses.length === steps) break;
    }
  }
  return losses;
}

/** One line, rewritten in a terminal; elsewhere ten lines in all. */
function show(name: string | undefined, step: number, steps: number, loss: number): void {
  const line = `${name ? `${name}: ` : ""}step ${step} of ${steps}, loss ${loss.toFixed(3)}`;
  if (process.stdout.isTTY) process.stdout.write(`\r${line} ${step === steps ? "\n" : ""}`);
  else if (step % Math.ceil(steps / 10) === 0 || step === steps) console.log(line);
}
