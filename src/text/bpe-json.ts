// The tokenizer.json of a byte-pair model as Heed writes it, the keys in Hugging Face's order. A character tokenizer is one without merges.

import type { TokenizerFile } from "./tokenizer.js";

/** What differs between the files Heed writes; `tokens` are listed by id. */
export interface BPEFileParts {
  readonly addedTokens: readonly object[];
  readonly preTokenizer: object | null;
  readonly decoder: object;
  readonly tokens: readonly string[];
  readonly merges: readonly (readonly [string, string])[];
}

export function bpeJSON({ addedTokens, preTokenizer, decoder, tokens, merges }: BPEFileParts): TokenizerFile {
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: addedTokens,
    normalizer: null,
    pre_tokenizer: preTokenizer,
    post_processor: null,
    decoder,
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: merges.map(([left, right]) => `${left} ${right}`), // read by old and new versions of tokenizers
    },
  };
}
