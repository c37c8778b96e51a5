// Small repairs of text before it is tokenized.

import { checkText } from "../base/arguments.js";

/** The text with each unpaired surrogate, which UTF-8 cannot write, replaced by U+FFFD, as TextEncoder does. */
export function wellFormed(text: string): string {
  checkText("encode", text);
  return text.replace(/\p{Surrogate}/gu, "\uFFFD");
}

/** The text of a file as tokens should see it: without byte order mark, and with "\n" for every line end. */
export function normaliseText(text: string): string {
  checkText("normaliseText", text);
  return text.replace(/^\uFEFF/, "").replace(/\r\n?/g, "\n");
}

/** A character for an error message: quoted, with its code point. */
export function describeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return `${JSON.stringify(character)} (U+${code.toString(16).toUpperCase().padStart(4, "0")})`;
}
