// The safetensors format, bytes in and bytes out: 8 bytes of header length, a JSON header, then the numbers, packed.
// A file is a stranger's until it is checked: no number in the header is used, let alone allocated, before it has been
// held against the file's true size. Values are in safetensors-values.ts, files and folders in safetensors-file.ts.

import { fail } from "../base/errors.js";

/** Bytes per element of the dtypes read and written. The order is the reference implementation's order in a file. */
const SIZES = { I64: 8, F64: 8, F32: 4, I32: 4, BF16: 2, F16: 2, I16: 2, I8: 1, U8: 1, BOOL: 1 } as const;
const ORDER = Object.keys(SIZES);

export type SafetensorsDtype = keyof typeof SIZES;

/** One line of the header: where a tensor's bytes lie, counted from the end of the header. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  /** In the order of their bytes. */
  readonly entries: readonly SafetensorsEntry[];
  readonly metadata: ReadonlyMap<string, string>;
  /** Where the numbers begin in the file. */
  readonly dataStart: number;
}

/** A tensor as the format has it: little-endian bytes, row-major. */
export interface RawTensor {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** The reference implementation's bound too: 100 MB of JSON is a mistake or an attack. */
const MAX_HEADER = 100_000_000;
/** More than any framework has, and so few that shapes of ones cost nothing. */
const MOST_AXES = 64;
const OP = "safetensors";

/** Bytes of a tensor; undefined where the count passes what a double holds exactly. */
export function byteLengthOf(dtype: SafetensorsDtype, shape: readonly number[]): number | undefined {
  let bytes: number = SIZES[dtype];
  for (const length of shape) {
    bytes *= length;
    if (!Number.isSafeInteger(bytes)) return undefined;
  }
  return bytes;
}

/**
 * The header's length in bytes, from a file's first 8 bytes.
 * @throws HeedError where the file is too short to hold it, or the claim passes 100 MB
 */
export function safetensorsHeaderLength(first8: Uint8Array, fileSize: number): number {
  if (first8.length < 8 || fileSize < 8) {
    fail(OP, "a file of at least 8 bytes", `${fileSize} bytes`, "the file is truncated or not a safetensors file");
  }
  const view = new DataView(first8.buffer, first8.byteOffset, 8);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  const remedy = whatElse(first8) ?? "the file is truncated or not a safetensors file";
  if (length > fileSize - 8) {
    fail(OP, `a header of at most ${fileSize - 8} bytes, the rest of the file`, `a claim of ${length}`, remedy);
  }
  if (length > MAX_HEADER) fail(OP, `a header of at most ${MAX_HEADER} bytes`, `a claim of ${length}`, remedy);
  return length;
}

/** What people load by mistake, known by its first bytes. */
function whatElse(first8: Uint8Array): string | undefined {
  const text = String.fromCharCode(...first8);
  if (text.startsWith("PK\x03\x04") || (first8[0] === 0x80 && first8[1] >= 2 && first8[1] <= 5))
    return "this is a file of torch.save: in Python, safetensors.torch.save_file(torch.load(path), new_path) converts it";
  if (text === "version ")
    return "this is a pointer of Git LFS, not the file itself: run git lfs pull where it was cloned";
  if (/^\s*<(!doc|html)/i.test(text)) return "this is a web page, not the file: the download went wrong";
  return undefined;
}

/**
 * Reads and checks a header: every dtype known, every size its shape's, the tensors side by side without gap or overlap
 * up to the very end of the file.
 * @param header the header's bytes alone, without the 8 of its length
 * @param fileSize the whole file in bytes
 * @throws HeedError naming the tensor and what is wrong with it
 */
export function parseSafetensorsHeader(header: Uint8Array, fileSize: number): SafetensorsHeader {
  const { parsed, text } = parseJson(header);
  rejectDuplicates(text);
  const dataStart = 8 + header.length;
  const dataSize = fileSize - dataStart;
  const entries: SafetensorsEntry[] = [];
  let metadata: ReadonlyMap<string, string> = new Map();
  for (const [name, value] of Object.entries(parsed)) {
    if (name === "__metadata__") metadata = checkMetadata(value);
    else entries.push(checkEntry(name, value, dataSize));
  }
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== covered) {
      const what = begin < covered ? "overlaps the tensor before it" : "leaves a gap before it";
      fail(OP, `tensor ${quote(name)} to begin at byte ${covered}`, `${begin}: it ${what}`);
    }
    covered = end;
  }
  if (covered !== dataSize) {
    fail(OP, `${covered} bytes of numbers, as the header says`, `${dataSize}`, "the file is truncated or damaged");
  }
  return { entries, metadata, dataStart };
}

/**
 * Reads a whole file in memory; the tensors are views of it, in the order of their bytes, and nothing is copied.
 * @throws HeedError for whatever a truncated, damaged or hostile file may hold
 */
export function readSafetensors(file: Uint8Array | ArrayBuffer): {
  tensors: Map<string, RawTensor>;
  metadata: ReadonlyMap<string, string>;
} {
  const bytes = file instanceof Uint8Array ? file : new Uint8Array(file);
  const length = safetensorsHeaderLength(bytes.subarray(0, 8), bytes.length);
  const { entries, metadata, dataStart } = parseSafetensorsHeader(bytes.subarray(8, 8 + length), bytes.length);
  const tensors = new Map<string, RawTensor>();
  for (const { name, dtype, shape, begin, end } of entries) {
    tensors.set(name, { dtype, shape, bytes: bytes.subarray(dataStart + begin, dataStart + end) });
  }
  return { tensors, metadata };
}

/**
 * Lays tensors out as a file: the header, then the tensors' own bytes, as chunks to be written one after the other.
 * The bytes are those of the reference implementation for the same content (wider dtypes first, then by name; the header
 * padded to a multiple of 8), metadata in the order given.
 * @throws HeedError where bytes and shape disagree, or a name comes twice
 */
export function writeSafetensors(
  tensors: Iterable<readonly [string, RawTensor]>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array[] {
  const sorted = [...tensors].sort(
    ([nameA, a], [nameB, b]) => ORDER.indexOf(a.dtype) - ORDER.indexOf(b.dtype) || compareNames(nameA, nameB),
  );
  const lines: string[] = [];
  if (metadata) {
    const pairs = Object.entries(metadata).map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
    lines.push(`"__metadata__":{${pairs.join(",")}}`);
  }
  const names = new Set<string>(["__metadata__"]);
  let offset = 0;
  for (const [name, { dtype, shape, bytes }] of sorted) {
    if (names.has(name)) fail(OP, "every name once, and none to be __metadata__", quote(name));
    names.add(name);
    if (byteLengthOf(dtype, shape) !== bytes.length) {
      fail(OP, `${byteLengthOf(dtype, shape)} bytes for ${quote(name)}, ${dtype}[${shape}]`, `${bytes.length} bytes`);
    }
    const end = offset + bytes.length;
    lines.push(`${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape}],"data_offsets":[${offset},${end}]}`);
    offset = end;
  }
  const json = new TextEncoder().encode(`{${lines.join(",")}}`);
  const header = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(header.buffer).setUint32(0, header.length - 8, true);
  header.fill(0, 4, 8);
  header.set(json, 8);
  return [header, ...sorted.map(([, { bytes }]) => bytes)];
}

function parseJson(header: Uint8Array): { parsed: Record<string, unknown>; text: string } {
  // Asked before decoding: the format says "{" comes first, and what is no header should not be turned into text.
  if (header[0] !== 0x7b) fail(OP, 'a header that begins with "{"', header.length ? `byte ${header[0]}` : "no bytes");
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(header);
    return { parsed: JSON.parse(text), text };
  } catch (error) {
    return fail(OP, "a header of valid JSON in UTF-8", (error as Error).message, "the file is damaged");
  }
}

/** JSON.parse keeps the last of equal keys and says nothing, so keys are told apart here, in text known to be valid. */
function rejectDuplicates(text: string): void {
  const seen = [new Set<string>(), new Set<string>()]; // of the header itself, and of the tensor that is open
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === "{") seen[depth++]?.clear();
    else if (character === "}") depth--;
    else if (character === '"') {
      const start = i;
      do i = text.indexOf('"', i + 1);
      while (isEscaped(text, i));
      let next = i + 1;
      while (" \t\n\r".includes(text[next]!)) next++;
      const names = seen[depth - 1];
      if (text[next] !== ":" || names === undefined) continue;
      const name: string = JSON.parse(text.slice(start, i + 1));
      if (names.has(name)) fail(OP, "every name once in the header", `${quote(name)} twice`);
      names.add(name);
    }
  }
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text[at - 1 - backslashes] === "\\") backslashes++;
  return backslashes % 2 === 1;
}

function checkMetadata(value: unknown): ReadonlyMap<string, string> {
  if (value === null) return new Map();
  if (typeof value !== "object" || Array.isArray(value)) fail(OP, "__metadata__ to be an object", typeof value);
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") fail(OP, `__metadata__ ${quote(key)} to be a string`, describe(text));
  }
  return new Map(Object.entries(value as Record<string, string>));
}

function checkEntry(name: string, value: unknown, dataSize: number): SafetensorsEntry {
  const label = `tensor ${quote(name)}`;
  if (typeof value !== "object" || value === null) fail(OP, `${label} to be an object`, describe(value));
  const { dtype, shape, data_offsets: offsets } = value as Record<string, unknown>;
  if (typeof dtype !== "string" || !Object.hasOwn(SIZES, dtype)) {
    fail(OP, `${label} to have a dtype among ${ORDER.join(", ")}`, describe(dtype));
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    fail(OP, `${label} to have a shape of whole numbers, none negative`, describe(shape));
  }
  if (shape.length > MOST_AXES) fail(OP, `${label} to have ${MOST_AXES} axes at most`, String(shape.length));
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    fail(OP, `${label} to have two data_offsets, whole numbers, none negative`, describe(offsets));
  }
  const [begin, end] = offsets as [number, number];
  if (begin > end) fail(OP, `${label} to end behind its beginning`, `bytes ${begin} to ${end}`);
  if (end > dataSize)
    fail(OP, `${label} to lie within the ${dataSize} bytes of numbers`, `bytes ${begin} to ${end}`, "the file is cut");
  const known = dtype as SafetensorsDtype;
  const bytes = byteLengthOf(known, shape);
  if (bytes !== end - begin) {
    const expected = bytes === undefined ? "a size that a file can have" : `${bytes} bytes`;
    fail(OP, `${label}, ${dtype}${describe(shape)}, to take ${expected}`, `data_offsets of ${end - begin} bytes`);
  }
  return { name, dtype: known, shape, begin, end };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0);
}

function quote(name: string): string {
  return JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}...` : name);
}

/** A stranger's value in a few words; it may be deep or long, so it is not turned into JSON. */
function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string") return quote(value);
  if (!Array.isArray(value)) return typeof value === "object" && value ? "an object" : String(value);
  const items = value.slice(0, 8).map((item) => (typeof item === "object" ? "..." : String(item)));
  return `[${items.join(", ")}${value.length > 8 ? ", ..." : ""}]`;
}

/** Names in the order of their UTF-8 bytes, which is that of code points; JavaScript's own is of UTF-16 units. */
function compareNames(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a[i] !== b[i]) return a.codePointAt(i)! - b.codePointAt(i)!;
  }
  return a.length - b.length;
}
