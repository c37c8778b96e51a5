// Byte-level BPE, the tokenizer of GPT-2, Llama 3 and Qwen: any text can be written, for every byte is a token.
// Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), section 2.2. Training is in bpe-train.ts;
// how text is cut in splitter.ts; how a piece is merged in merges.ts; tokenizer.json is read in bpe-file.ts.

import { fail } from "../base/errors.js";
import { checkOptions } from "../base/options.js";
import { type AddedToken, type Finder, finder } from "./added-tokens.js";
import { bytesOfSpelling, characterOfByte, spellBytes } from "./byte-alphabet.js";
import { IdList } from "./id-list.js";
import type { Merges } from "./merges.js";
import type { Normalizer } from "./normalizer.js";
import { PieceCache } from "./piece-cache.js";
import type { Splitter } from "./splitter.js";
import { decodeAll } from "./stream.js";
import type { Template } from "./template.js";
import { type DecodeOptions, ENCODE, type EncodeOptions, type Tokenizer, type TokenizerFile } from "./tokenizer.js";
import { wellFormed } from "./unicode.js";

/** What a tokenizer.json says, read and checked. */
export interface BPEParts {
  readonly file: TokenizerFile;
  /** Token to id, as spelled in the file; added tokens are not in it unless the file has them in both places. */
  readonly vocabulary: ReadonlyMap<string, number>;
  readonly merges: Merges;
  /** Take a piece that is a token as it is, without merging. */
  readonly ignoreMerges: boolean;
  readonly unknown: number | undefined;
  readonly added: readonly AddedToken[];
  readonly normalizer: Normalizer | undefined;
  readonly splitter: Splitter;
  readonly template: Template;
}

const utf8 = new TextEncoder();

/** A byte-level BPE tokenizer; made by `trainBPE` or `tokenizerFromJSON`. */
export class BPETokenizer implements Tokenizer {
  readonly kind = "bpe";
  readonly vocabularySize: number;
  readonly specialTokens: ReadonlyMap<string, number>;
  private readonly tokens: (string | undefined)[];
  private readonly written: (Uint8Array | undefined)[] = [];
  private readonly ids: ReadonlyMap<string, number>;
  private readonly addedIds: ReadonlySet<number>;
  private readonly idOfByte: Int32Array;
  private readonly cache = new PieceCache<Int32Array>();
  private readonly findRaw: Finder;
  private readonly findNormalized: Finder;

  /** @internal */
  constructor(private readonly parts: BPEParts) {
    const { vocabulary, added, unknown, normalizer } = parts;
    this.ids = new Map([...vocabulary, ...added.map((token): [string, number] => [token.content, token.id])]);
    let size = 0;
    for (const id of this.ids.values()) size = Math.max(size, id + 1);
    this.vocabularySize = size;
    this.tokens = new Array(size);
    for (const [token, id] of this.ids) this.tokens[id] = token;
    this.specialTokens = new Map(added.filter((token) => token.special).map((token) => [token.content, token.id]));
    this.addedIds = new Set(added.map((token) => token.id));
    this.idOfByte = Int32Array.from(characterOfByte, (character) => vocabulary.get(character) ?? unknown ?? -1);
    this.findRaw = finder(added.filter((token) => !token.normalized));
    this.findNormalized = finder(
      added.filter((token) => token.normalized),
      normalizer,
    );
  }

  encode(text: string, options: EncodeOptions = {}): Int32Array {
    const { normalizer, splitter, template } = this.parts;
    checkOptions("encode", options, ENCODE);
    const special = options.special ?? true;
    const out = new IdList();
    const onToken = (id: number) => out.push(id);
    const onPiece = (piece: string) => out.append(this.encodePiece(piece));
    const onNormal = (part: string) => splitter(part, onPiece);
    const onRaw = (part: string) => this.findNormalized(normalizer ? normalizer(part) : part, onNormal, onToken);
    if (special) out.append(template.before);
    this.findRaw(wellFormed(text), onRaw, onToken);
    if (special) out.append(template.after);
    return out.toArray();
  }

  private encodePiece(piece: string): Int32Array {
    const known = this.cache.get(piece);
    if (known !== undefined) return known;
    const ids = this.mergePiece(piece);
    this.cache.set(piece, ids);
    return ids;
  }

  private mergePiece(piece: string): Int32Array {
    const bytes = utf8.encode(piece);
    if (this.parts.ignoreMerges) {
      const whole = this.parts.vocabulary.get(spellBytes(bytes));
      if (whole !== undefined) return Int32Array.of(whole);
    }
    const ids = Int32Array.from(bytes, (byte) => this.idOfByte[byte]!);
    const missing = ids.indexOf(-1);
    if (missing >= 0) {
      fail(
        "encode",
        "text whose bytes are all in the vocabulary",
        `byte 0x${bytes[missing]!.toString(16).padStart(2, "0")} in ${JSON.stringify(piece.slice(0, 40))}`,
        "this tokenizer was trained without all 256 bytes; leave such characters out or use another tokenizer",
      );
    }
    return this.parts.merges.apply(ids);
  }

  decode(ids: ArrayLike<number>, options?: DecodeOptions): string {
    return decodeAll(this, ids, options);
  }

  token(id: number): string | undefined {
    return this.tokens[id];
  }

  id(token: string): number | undefined {
    return this.ids.get(token);
  }

  bytes(id: number): Uint8Array {
    const known = this.written[id];
    if (known !== undefined) return known;
    const token = this.tokens[id];
    if (token === undefined) fail("decode", `token ids below ${this.vocabularySize} of this tokenizer`, `${id}`);
    // An added token is spelled as it reads; another one in the alphabet of bytes, where it can be.
    const spelled = this.addedIds.has(id) ? undefined : bytesOfSpelling(token);
    const bytes = spelled ?? utf8.encode(token);
    this.written[id] = bytes;
    return bytes;
  }

  toJSON(): TokenizerFile {
    return this.parts.file;
  }
}
