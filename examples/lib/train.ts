// The loop of the examples that train. What a step does is theirs.

import type { Tensor } from "heed";

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
