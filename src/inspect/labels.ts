// Tokens as labels: what cannot be seen is shown by a sign, long ones are cut, and their width is known, in pixels or in a terminal's columns.

/** Spaces and line ends at the edges of a token matter, and control characters have no picture. */
export function visible(token: string): string {
  return token
    .replace(/\r\n|\n/g, "↵")
    .replace(/\t/g, "⇥")
    .replace(/^ +| +$/g, (spaces) => "·".repeat(spaces.length))
    .replace(/[\p{Cc}\p{Cs}\ufffe\uffff]/gu, "�");
}

const WIDE =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18aff}\u{1b000}-\u{1b2ff}\u{1f004}\u{1f0cf}\u{1f18e}\u{1f191}-\u{1f19a}\u{1f200}-\u{1f320}\u{1f32d}-\u{1f335}\u{1f337}-\u{1f37c}\u{1f37e}-\u{1f393}\u{1f3a0}-\u{1f3ca}\u{1f3cf}-\u{1f3d3}\u{1f3e0}-\u{1f3f0}\u{1f3f4}\u{1f3f8}-\u{1f43e}\u{1f440}\u{1f442}-\u{1f4fc}\u{1f4ff}-\u{1f53d}\u{1f54b}-\u{1f54e}\u{1f550}-\u{1f567}\u{1f57a}\u{1f595}\u{1f596}\u{1f5a4}\u{1f5fb}-\u{1f64f}\u{1f680}-\u{1f6c5}\u{1f6cc}\u{1f6d0}-\u{1f6d2}\u{1f6d5}-\u{1f6df}\u{1f6eb}-\u{1f6ec}\u{1f6f4}-\u{1f6fc}\u{1f7e0}-\u{1f7f0}\u{1f90c}-\u{1f9ff}\u{1fa70}-\u{1faff}\u{20000}-\u{3fffd}]/u;

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });

/** What readers take for one character: letters with their marks, emoji with what they are joined of. */
export function characters(text: string): string[] {
  return Array.from(segmenter.segment(text), (part) => part.segment);
}

/** Columns that a character takes in a terminal: 2 for Chinese, Japanese, Korean and emoji, 0 for a mark alone. */
export function columnsOf(character: string): number {
  if (WIDE.test(character) || (character.includes("\ufe0f") && character.length > 1)) return 2;
  return /^[\p{M}\u200b-\u200f\u2060\ufeff]*$/u.test(character) ? 0 : 1;
}

export function textColumns(text: string): number {
  return characters(text).reduce((sum, character) => sum + columnsOf(character), 0);
}

/** About the width of a character in a sans serif, in parts of the font size. */
function emOf(character: string): number {
  if (columnsOf(character) !== 1) return columnsOf(character) / 2;
  if (/[ijlI|.,:;'`!·]/.test(character)) return 0.3;
  if (/[frt()[\]{}/\\"*-]/.test(character)) return 0.4;
  if (/[mwMW@%—…]/.test(character)) return 0.9;
  return /\p{Lu}|[_#&+=<>~↵⇥]/u.test(character) ? 0.69 : 0.6;
}

/** About the width of a text in a sans serif of this size. */
export function textPixels(text: string, size: number): number {
  return size * characters(text).reduce((sum, character) => sum + emOf(character), 0);
}

/** The text, or as much of its beginning as fits with an ellipsis; `width` adds up over characters. */
export function shorten(text: string, most: number, width: (text: string) => number): string {
  const room = most - width("…");
  let [kept, used] = ["", 0];
  let cut: string | null = null;
  for (const { segment } of segmenter.segment(text)) {
    used += width(segment);
    if (used > room) cut ??= kept;
    if (used > most) return `${cut}…`;
    kept += segment;
  }
  return text;
}
