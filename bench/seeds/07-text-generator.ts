// The text generator out of BERT on 32 pairs of couplets: BERT, self-attention and a Linear to the vocabulary, the future masked.

import { arange, compile, randint, type Tensor } from "heed";
import { Bert } from "heed/models";
import { Linear, Module, MultiheadAttention, skipInit } from "heed/nn";
import type { Seed } from "../lib/seed.js";
import { fillWeights } from "../lib/weights.js";

const [B, T, V, C, H, P] = [32, 27, 4096, 128, 4, 14];

class TextGenerator extends Module {
  bert = new Bert({ vocabularySize: V, context: 32, layers: 2, heads: H, width: C, pooler: false, maskedHead: false });
  attention = new MultiheadAttention(C, H, { batchFirst: true });
  output = new Linear(C, V);

  forward(ids: Tensor): Tensor {
    const [query, key] = [arange(T).unsqueeze(1), arange(T)];
    const seen = key.lt(P).logicalOr(key.le(query)); // bool[T,T]
    const tokenTypes = key.ge(P).int().expand(B, T);
    const { lastHidden } = this.bert.forward(ids, { tokenTypes, attentionMask: seen.expand(B, T, T) });
    const [mixed] = this.attention.forward(lastHidden, lastHidden, lastHidden, { attnMask: seen.logicalNot() });
    return this.output.forward(mixed); // [B,T,V]
  }
}

export const forward: Seed = {
  work: "text generator, [32,27]",
  least: 2,
  make() {
    const model = skipInit(() => new TextGenerator()).eval();
    fillWeights(model);
    const ids = randint(0, V, [B, T]).evaluate();
    const call = compile((ids: Tensor) => model.forward(ids));
    return () => call(ids);
  },
};
