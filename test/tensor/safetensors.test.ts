import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { HeedError } from "../../src/base/errors.js";
import { fromData } from "../../src/tensor/create.js";
import { type RawTensor, readSafetensors, writeSafetensors } from "../../src/tensor/safetensors.js";
import { decodeTensor, encodeTensor } from "../../src/tensor/safetensors-values.js";

interface Golden {
  file: string;
  empty: string;
  values: Record<string, { shape: number[]; data: number[] }>;
}
const golden: Golden = JSON.parse(readFileSync(new URL("../golden/safetensors.json", import.meta.url), "utf8"));
const reference = new Uint8Array(Buffer.from(golden.file, "base64"));
const joined = (chunks: Uint8Array[]) => new Uint8Array(Buffer.concat(chunks));
const raw = (dtype: RawTensor["dtype"], shape: number[], bytes: number[]): RawTensor => ({
  dtype,
  shape,
  bytes: Uint8Array.from(bytes),
});

/** What a user sees of a stored tensor who asks for f32. */
function asF32(name: string, stored: RawTensor): number[] {
  const { dtype, shape, data } = decodeTensor(name, stored);
  return [...fromData(data, shape, dtype).float().dataSync()];
}

/** A file from a header's text, with as many bytes of numbers as asked. */
function file(header: string | Uint8Array, data = 0, claim?: bigint): Uint8Array {
  const text = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + text.length + data);
  new DataView(bytes.buffer).setBigUint64(0, claim ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

describe("safetensors", () => {
  it("reads what the reference implementation wrote, every dtype, in the order of the bytes", () => {
    const { tensors, metadata } = readSafetensors(reference);
    expect([...metadata]).toEqual([["format", "pt"]]);
    expect([...tensors.keys()].sort()).toEqual(Object.keys(golden.values).sort());
    for (const [name, expected] of Object.entries(golden.values)) {
      const tensor = tensors.get(name)!;
      expect(tensor.shape, name).toEqual(expected.shape);
      expect(asF32(name, tensor), name).toEqual(expected.data.map(Math.fround));
    }
  });

  it("gives each dtype its nearest in Heed", () => {
    const { tensors } = readSafetensors(reference);
    const dtypes = Object.fromEntries([...tensors].map(([name, t]) => [t.dtype, decodeTensor(name, t).dtype]));
    expect(dtypes).toEqual({
      ...{ I64: "i32", F64: "f32", F32: "f32", I32: "i32", BF16: "bf16", F16: "f16" },
      ...{ I16: "i32", I8: "i32", U8: "i32", BOOL: "bool" },
    });
    expect(decodeTensor("positions", tensors.get("positions")!).data).toEqual(
      Int32Array.of(0, -1, 2 ** 31 - 1, -(2 ** 31)),
    );
    expect(decodeTensor("double", tensors.get("double")!).data).toEqual(Float32Array.of(0.1, -Infinity, 3));
  });

  it("writes the reference implementation's bytes for the same content, whatever the order it comes in", () => {
    const { tensors } = readSafetensors(reference);
    expect(joined(writeSafetensors(tensors, { format: "pt" }))).toEqual(reference);
    expect(joined(writeSafetensors([...tensors].reverse(), { format: "pt" }))).toEqual(reference);
    expect(joined(writeSafetensors([]))).toEqual(new Uint8Array(Buffer.from(golden.empty, "base64")));
  });

  it("copies nothing where bytes lie aligned, and reads them also where they do not", () => {
    const chunks = writeSafetensors([["x", encodeTensor({ dtype: "f32", shape: [2], data: Float32Array.of(1, -2) })]]);
    for (const askew of [0, 1, 3]) {
      const buffer = new Uint8Array(joined(chunks).length + askew);
      buffer.set(joined(chunks), askew);
      const tensor = readSafetensors(buffer.subarray(askew)).tensors.get("x")!;
      expect(tensor.bytes.buffer).toBe(buffer.buffer);
      const { data } = decodeTensor("x", tensor);
      expect([...data]).toEqual([1, -2]);
      expect(data.buffer === buffer.buffer).toBe(askew === 0);
    }
  });

  it("stores f32 as a 16-bit float when asked", () => {
    const values = { dtype: "f32", shape: [3], data: Float32Array.of(1, 65520, 1 / 3) } as const;
    expect(asF32("x", encodeTensor(values, "f16"))).toEqual([1, Infinity, 0.333251953125]);
    expect(asF32("x", encodeTensor(values, "bf16"))).toEqual([1, 65536, 0.333984375]);
    const ints = { dtype: "i32", shape: [1], data: Int32Array.of(1) } as const;
    expect(() => encodeTensor(ints, "f16")).toThrow(/i32 to be stored as f16/);
  });

  it("refuses numbers that their dtype or Heed's cannot hold", () => {
    const wide = raw("I64", [2], [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 128, 0, 0, 0, 0]);
    expect(() => decodeTensor("ids", wide)).toThrow(
      'safetensors: expected I64 "ids" to hold numbers within i32, got 2147483648 at 1',
    );
    expect(() => decodeTensor("m", raw("BOOL", [2], [1, 2]))).toThrow('BOOL "m" to hold 0 or 1, got 2 at 1');
  });

  it("refuses to write a tensor whose bytes are not its shape's, or a name twice", () => {
    expect(() => writeSafetensors([["x", raw("F32", [2], [0, 0, 0, 0])]])).toThrow(/8 bytes for "x".*got 4/);
    const one = raw("U8", [1], [0]);
    expect(() =>
      writeSafetensors([
        ["x", one],
        ["x", one],
      ]),
    ).toThrow(/every name once/);
    expect(() => writeSafetensors([["__metadata__", one]])).toThrow(/__metadata__/);
  });

  it("takes __proto__ and numbers for names like any other", () => {
    const names = ["__proto__", "constructor", "1", "0", ""];
    const written = joined(writeSafetensors(names.map((name, i) => [name, raw("U8", [1], [i])] as const)));
    const { tensors } = readSafetensors(written);
    expect([...tensors.keys()].sort()).toEqual([...names].sort());
    for (const [i, name] of names.entries()) expect([...tensors.get(name)!.bytes]).toEqual([i]);
    expect(Object.hasOwn(Object.prototype, "dtype")).toBe(false);
  });

  const entry = (over: object) => JSON.stringify({ a: { dtype: "F32", shape: [1], data_offsets: [0, 4], ...over } });
  const two = (a: number[], b: number[]) =>
    `{"a":{"dtype":"U8","shape":[${a[1]! - a[0]!}],"data_offsets":[${a}]},"b":{"dtype":"U8","shape":[${b[1]! - b[0]!}],"data_offsets":[${b}]}}`;
  const hostile: [string, Uint8Array, RegExp][] = [
    ["no bytes", new Uint8Array(0), /at least 8 bytes, got 0 bytes; the file is truncated/],
    ["seven bytes", new Uint8Array(7), /at least 8 bytes, got 7 bytes/],
    ["a header longer than the file", file("{}", 0, 3n), /at most 2 bytes.*got a claim of 3/],
    ["a header of 2 GB", file("{}", 0, 2n ** 31n), /got a claim of 2147483648/],
    ["a header of 2^64 - 1 bytes", file("{}", 0, 2n ** 64n - 1n), /got a claim of 18446744073709552000/],
    ["an empty header", file(""), /begins with "\{", got no bytes/],
    ["no JSON object", file("[1]"), /begins with "\{", got byte 91/],
    ["broken JSON", file('{"a":'), /valid JSON in UTF-8/],
    ["broken UTF-8", file(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)), /valid JSON in UTF-8/],
    ["an entry that is no object", file('{"a":1}'), /tensor "a" to be an object, got 1/],
    ["an entry that is null", file('{"a":null}'), /tensor "a" to be an object, got null/],
    ["an unknown dtype", file(entry({ dtype: "F8_E4M3" }), 4), /dtype among .*got "F8_E4M3"/],
    ["a dtype from the prototype", file(entry({ dtype: "toString" }), 4), /got "toString"/],
    ["no dtype", file(entry({ dtype: undefined }), 4), /dtype among .*got nothing/],
    ["far too many axes", file(entry({ shape: new Array(65).fill(1) }), 4), /to have 64 axes at most, got 65/],
    ["offsets in reverse", file(entry({ data_offsets: [4, 0] }), 4), /to end behind its beginning, got bytes 4 to 0/],
    ["a negative length", file(entry({ shape: [-1] }), 4), /shape of whole numbers.*got \[-1\]/],
    ["a length of -0", file(`{"a":{"dtype":"F32","shape":[-0],"data_offsets":[0,0]}}`), /got \[0\]/],
    ["half a length", file(entry({ shape: [0.5] }), 4), /got \[0.5\]/],
    ["a length that is null", file(entry({ shape: [null] }), 4), /shape of whole numbers/],
    [
      "a length past 2^53",
      file('{"a":{"dtype":"F32","shape":[9007199254740993],"data_offsets":[0,4]}}', 4),
      /shape of whole/,
    ],
    ["an infinite length", file('{"a":{"dtype":"F32","shape":[1e999],"data_offsets":[0,4]}}', 4), /got \[Infinity\]/],
    [
      "a product past 2^53",
      file(entry({ shape: [2 ** 40, 2 ** 40] }), 4),
      /a size that a file can have, got .*4 bytes/,
    ],
    [
      "a product that wraps to 4 in 64 bits",
      file(entry({ shape: [2 ** 32, 2 ** 32, 1] }), 4),
      /a size that a file can have/,
    ],
    [
      "a size unlike its shape's",
      file(entry({ shape: [2] }), 4),
      /F32\[2\], to take 8 bytes, got data_offsets of 4 bytes/,
    ],
    ["offsets the wrong way round", file(entry({ data_offsets: [4, 0] }), 4), /got bytes 4 to 0/],
    [
      "offsets past the end",
      file(entry({ data_offsets: [0, 8] }), 4),
      /within the 4 bytes of numbers, got bytes 0 to 8/,
    ],
    ["negative offsets", file(entry({ data_offsets: [-4, 0] }), 4), /two data_offsets/],
    ["three offsets", file(entry({ data_offsets: [0, 4, 4] }), 4), /two data_offsets/],
    ["offsets as text", file(entry({ data_offsets: ["0", "4"] }), 4), /two data_offsets/],
    ["an overlap", file(two([0, 4], [3, 7]), 7), /"b" to begin at byte 4, got 3: it overlaps/],
    ["a shared range", file(two([0, 4], [0, 4]), 4), /overlaps/],
    ["a gap", file(two([0, 4], [5, 8]), 8), /"b" to begin at byte 4, got 5: it leaves a gap/],
    ["a gap at the start", file(two([1, 4], [4, 8]), 8), /"a" to begin at byte 0, got 1/],
    ["bytes left over", file(two([0, 4], [4, 8]), 9), /8 bytes of numbers, as the header says, got 9/],
    ["a name twice", file(`{"a":${entry({}).slice(5, -1)},"a":${entry({}).slice(5, -1)}}`, 4), /"a" twice/],
    [
      "a name twice, once escaped",
      file(`{"a":${entry({}).slice(5, -1)},"\\u0061":${entry({}).slice(5, -1)}}`, 4),
      /"a" twice/,
    ],
    ["a field twice", file('{"a":{"dtype":"F32","dtype":"U8","shape":[4],"data_offsets":[0,4]}}', 4), /"dtype" twice/],
    ["metadata that is a list", file('{"__metadata__":[]}'), /__metadata__ to be an object/],
    ["metadata that is no text", file('{"__metadata__":{"a":1}}'), /__metadata__ "a" to be a string, got 1/],
    ["a header nested a million deep", file(`{"a":${"[".repeat(1e6)}${"]".repeat(1e6)}}`), /safetensors: expected/],
    [
      "a dtype nested a million deep",
      file(`{"a":{"dtype":${"[".repeat(1e6)}${"]".repeat(1e6)}}}`),
      /safetensors: expected/,
    ],
    ["a name of a million letters", file(`{"${"a".repeat(1e6)}":1}`), /"a{200}\.\.\."/],
  ];
  it.each(hostile)("refuses %s", (_, bytes, message) => {
    let thrown: unknown;
    try {
      readSafetensors(bytes);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(HeedError);
    expect((thrown as Error).message).toMatch(message);
    expect((thrown as Error).message.length).toBeLessThan(600);
  });

  it("refuses every truncation and never crashes on a flipped header byte", () => {
    for (let length = 0; length < reference.length; length++) {
      expect(() => readSafetensors(reference.subarray(0, length)), `${length} bytes`).toThrow(HeedError);
    }
    const headerEnd = 8 + new DataView(reference.buffer, reference.byteOffset).getUint32(0, true);
    for (let at = 0; at < headerEnd; at++) {
      const damaged = reference.slice();
      damaged[at]! ^= 1 << (at % 8);
      try {
        readSafetensors(damaged); // a changed name is still a name
      } catch (error) {
        expect(error, `byte ${at}`).toBeInstanceOf(HeedError);
      }
    }
  });
});
