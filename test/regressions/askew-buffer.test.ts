// A safetensors file as readFile gives it, a Buffer, whose numbers lie at no multiple of their size: headers need not be padded.

import { expect, it } from "vitest";
import { parseSafetensors } from "../../src/index.js";

it.each([0, 1, 2, 3, 4, 5, 6, 7])("a Buffer whose numbers begin %i bytes beside a multiple of 8", (askew) => {
  const shapes = { a: { dtype: "F32", shape: [2], data_offsets: [0, 8] }, b: { dtype: "I64", shape: [1], data_offsets: [8, 16] } }; // biome-ignore format: short
  const text = JSON.stringify(shapes);
  const header = text + " ".repeat((8 - (text.length % 8)) % 8) + " ".repeat(askew);
  const numbers = Buffer.alloc(16);
  numbers.writeFloatLE(1.5, 0);
  numbers.writeFloatLE(-2, 4);
  numbers.writeInt32LE(7, 8);
  const length = Buffer.alloc(8);
  length.writeUInt32LE(header.length);
  const whole = Buffer.concat([length, Buffer.from(header), numbers]);
  // In memory of its own, at the beginning of it.
  const file = Buffer.from(new ArrayBuffer(whole.length));
  whole.copy(file);
  const tensors = parseSafetensors(file);
  expect([tensors.get("a")?.toArray(), tensors.get("b")?.toArray()]).toEqual([[1.5, -2], [7]]);
});
