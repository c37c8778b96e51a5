// How BERT's tokenizer cleans a text and cuts it into words. The rules are those of BertNormalizer and BertPreTokenizer in Hugging Face's
// tokenizers, oddities included.

import { checkOptions, FLAG, type OptionTable, orNull } from "../base/options.js";

/** What BERT's tokenizer does to a text before it is cut. */
export interface CleanOptions {
  /** Whether control characters go and white space becomes spaces; true. */
  cleanText?: boolean;
  /** Whether each Chinese character is a word of its own; true. */
  splitChinese?: boolean;
  /** Whether letters lose their accents; as `lowercase`. */
  stripAccents?: boolean | null;
  /** Whether capital and small letters are the same; true. */
  lowercase?: boolean;
}

const CLEAN: OptionTable<CleanOptions> = {
  cleanText: FLAG,
  splitChinese: FLAG,
  stripAccents: orNull(FLAG),
  lowercase: FLAG,
};

const DROPPED = /[\0\uFFFD]|(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}]/gu;
const SPACE = /\p{White_Space}/gu;
// The blocks of Chinese characters; the seventh begins 256 characters late there, too.
const CHINESE =
  /[\u4E00-\u9FFF\u3400-\u4DBF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\uF900-\uFAFF\u{2F800}-\u{2FA1F}]/gu;
/** A sign, alone, or anything else up to a sign or a space. */
const WORDS = /[\p{P}$+<=>^`|~]|[^\p{P}$+<=>^`|~\p{White_Space}]+/gu;

/** The cleaning of these options. */
export function cleaner(options: CleanOptions): (text: string) => string {
  checkOptions("WordPieceTokenizer", options, CLEAN, { doLowerCase: "lowercase" });
  const { cleanText = true, splitChinese = true, lowercase = true } = options;
  const stripAccents = options.stripAccents ?? lowercase;
  return (text) => {
    let clean = text;
    if (cleanText) clean = clean.replace(DROPPED, "").replace(SPACE, " ");
    if (splitChinese) clean = clean.replace(CHINESE, " $& ");
    if (stripAccents) clean = clean.normalize("NFD").replace(/\p{Mn}/gu, "");
    // Letter by letter: only a sigma would heed its neighbours.
    return lowercase ? clean.replaceAll("Σ", "σ").toLowerCase() : clean;
  };
}

/** The words, signs and Chinese characters of a clean text. */
export function cutWords(text: string): readonly string[] {
  return text.match(WORDS) ?? [];
}
