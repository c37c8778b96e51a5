// What happens inside a model while it runs forward, without hooks in the model: for the time of one call the `forward` of every module is
// covered by one that notes its tensors, and afterwards all fields are as they were.

import type { Module } from "../nn/module.js";
import { Tensor } from "../tensor/tensor.js";

/** One call of a module's forward. */
export interface Call {
  readonly module: Module;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

type Forward = (this: unknown, ...args: unknown[]) => unknown;

/** The module's forward, if it has one: containers such as lists have none. */
export function forwardOf(module: Module): Forward | undefined {
  const { forward } = module as unknown as { forward?: unknown };
  return typeof forward === "function" ? (forward as Forward) : undefined;
}

/** Runs `body` and returns what it returned and all calls of `model` and of the modules below it, in the order in which they ended. */
export function recordCalls<R>(model: Module, body: () => R): { result: R; calls: Call[] } {
  const calls: Call[] = [];
  const modules = model.modules();
  const fields = modules.map((module) => Object.getOwnPropertyDescriptors(module));
  const modes = modules.map((module) => module.training);
  try {
    for (const module of modules) {
      const forward = forwardOf(module);
      if (!forward) continue;
      // Not enumerable: modules, and lists of them, are told by what stands in their fields.
      Object.defineProperty(module, "forward", {
        configurable: true,
        enumerable: false,
        writable: true,
        value(...args: unknown[]): unknown {
          const output = forward.apply(module, args);
          calls.push({ module, inputs: tensorsIn(args), outputs: tensorsIn(output) });
          return output;
        },
      });
    }
    return { result: body(), calls };
  } finally {
    modules.forEach((module, i) => {
      restoreFields(module, fields[i]);
      module.training = modes[i];
    });
  }
}

function restoreFields(module: Module, before: PropertyDescriptorMap): void {
  for (const key of Reflect.ownKeys(module)) if (!Object.hasOwn(before, key)) Reflect.deleteProperty(module, key);
  for (const key of Reflect.ownKeys(before)) {
    const now = Object.getOwnPropertyDescriptor(module, key);
    const then = before[key as string];
    if (now?.value !== then.value || now?.get !== then.get) Object.defineProperty(module, key, then);
  }
}

/** The tensors of a value, inside arrays and plain objects too. */
export function tensorsIn(value: unknown): Tensor[] {
  if (value instanceof Tensor) return [value];
  if (Array.isArray(value)) return value.flatMap(tensorsIn);
  if (value === null || typeof value !== "object") return [];
  return [Object.prototype, null].includes(Object.getPrototypeOf(value)) ? Object.values(value).flatMap(tensorsIn) : [];
}
