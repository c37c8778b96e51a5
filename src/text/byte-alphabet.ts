// GPT-2's alphabet of bytes: each of the 256 bytes as one printable character, so that tokens of arbitrary bytes can stand
// in a JSON file. Printable Latin-1 stands for itself, the other 68 bytes for U+0100 onward: a space is "Ġ" (U+0120).
// Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), section 2.2, and its code.

/** The character of each byte. */
export const characterOfByte: readonly string[] = makeAlphabet();

const byteOfCharacter = new Map(characterOfByte.map((character, byte) => [character, byte]));

function makeAlphabet(): string[] {
  let next = 0x100;
  const printable = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
}

/** Bytes spelled in the alphabet. */
export function spellBytes(bytes: Uint8Array): string {
  let spelled = "";
  for (const byte of bytes) spelled += characterOfByte[byte];
  return spelled;
}

/** The bytes that a token spells, or undefined where it holds a character that is not of the alphabet. */
export function bytesOfSpelling(token: string): Uint8Array | undefined {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = byteOfCharacter.get(token[i]!);
    if (byte === undefined) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}
