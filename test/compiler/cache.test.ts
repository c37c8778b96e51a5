// The cache of programs: requests of one structure share a program, and what is used again and again stays.

import { afterEach, beforeEach, expect, test } from "vitest";
import { tensor } from "../../src/index.js";
import type { Program } from "../../src/program/program.js";
import { executor, setExecutor } from "../../src/tensor/evaluate.js";

const on = executor();
let ran: Program[] = [];

beforeEach(() => {
  ran = [];
  setExecutor({
    name: on.name,
    capabilities: on.capabilities,
    allocate: (dtype, size) => on.allocate(dtype, size),
    prepare(program) {
      const executable = on.prepare(program);
      return {
        run(externals) {
          ran.push(program);
          executable.run(externals);
        },
      };
    },
  });
});

afterEach(() => {
  setExecutor(on);
});

test("a program in use outlives any number of others", () => {
  const x = tensor([0.5, 2]);
  const used = () => {
    x.exp().sum().item();
    return ran.at(-1);
  };
  const first = used();
  for (let i = 0; i < 1200; i++) {
    x.add(i / 7).evaluate();
    if (i % 300 === 0) expect(used()).toBe(first);
  }
  expect(used()).toBe(first);
  expect(new Set(ran).size).toBe(1201);
});
