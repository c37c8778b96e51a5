// The attention weights of BERT's last layer for two sentences together, 26 characters: of the small BERT that is trained, and of BERT-base.

import { arange, compile, randint, type Tensor } from "heed";
import { Bert } from "heed/models";
import { skipInit } from "heed/nn";
import type { Seed } from "../lib/seed.js";
import { fillWeights } from "../lib/weights.js";

const T = 26;

function seed(
  work: string,
  sizes: { vocabularySize: number; context: number; layers: number; heads: number; width: number },
): Seed {
  return {
    work,
    least: 2,
    make() {
      const model = skipInit(() => new Bert({ ...sizes, pooler: false, maskedHead: false })).eval();
      fillWeights(model);
      const ids = randint(0, sizes.vocabularySize, [1, T]).evaluate();
      const call = compile((ids: Tensor) => {
        const tokenTypes = arange(T).ge(14).int().unsqueeze(0);
        const { lastHidden, patterns } = model.forward(ids, { tokenTypes });
        return [lastHidden, patterns[patterns.length - 1]];
      });
      return () => call(ids);
    },
  };
}

const [small, base] = [
  { vocabularySize: 4096, context: 32, layers: 2, heads: 4, width: 128 },
  { vocabularySize: 21128, context: 512, layers: 12, heads: 12, width: 768 },
];
export const forward = seed("BERT of width 128, [1,26], with a pattern", small);
export const forwardBase = seed("BERT-base, [1,26], with a pattern", base);
