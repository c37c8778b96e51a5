// What the native executor hands out as memory.

import { expect, it } from "vitest";
import { NativeAllocator } from "../../src/executors/native-memory.js";

it("gives an empty tensor an address, also when it is the first one asked for", () => {
  const allocator = new NativeAllocator(() => 4096);
  expect(allocator.allocate("f32", 0).address).toBeGreaterThan(0);
});
