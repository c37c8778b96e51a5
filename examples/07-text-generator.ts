// A text generator out of BERT: its hidden states go through multi-head self-attention and a Linear to the vocabulary, and what comes out is
// concatenated to what went in. After a tutorial model of that design; here it answers the first couplet of a Tang poem with a second one.
// Odd about it: BERT looks both ways. Trained on the whole text without a mask, as is easily done (`--careless`), a state has already seen the
// character it is to predict, so that the loss says nothing about writing, where that character is not there yet. Here a query sees the first
// couplet both ways and, of the second, only what is behind it, in BERT and in the attention above it: what is written never changes what
// was read. Run it with: npm run example 07-text-generator

import { arange, cat, compile, crossEntropy, manualSeed, multinomial, noGrad, ones, type Tensor } from "heed";
import { Bert } from "heed/models";
import * as nn from "heed/nn";
import { AdamW, cosine, DataLoader, TensorDataset } from "heed/train";
import { settings } from "./lib/settings.js";
import { encodePairs, heldOut, pairs, tokenizer } from "./lib/tang-couplets.js";
import { train } from "./lib/train.js";

const { steps, careless } = settings({ steps: 1500, careless: false });
const P = 14; // [CLS], the twelve characters of the first couplet, [SEP]

class TextGenerator extends nn.Module {
  bert: Bert;
  attention: nn.MultiheadAttention;
  output: nn.Linear;
  constructor(V: number, C = 128, H = 4) {
    super();
    const sizes = { vocabularySize: V, context: 32, layers: 2, heads: H, width: C, dropout: 0 };
    this.bert = new Bert({ ...sizes, pooler: false, maskedHead: false });
    this.attention = new nn.MultiheadAttention(C, H, { batchFirst: true });
    this.output = new nn.Linear(C, V);
  }

  /** The first couplet and what is written of the second, i32[B,T], to the logits of what follows each token from `from` on, f32[B,.,V]. */
  forward(ids: Tensor, from = P - 1): Tensor {
    const [B, T] = ids.shape;
    const [query, key] = [arange(T).unsqueeze(1), arange(T)];
    const seen = careless ? ones(T, T).bool() : key.lt(P).logicalOr(key.le(query)); // bool[T,T]
    const tokenTypes = key.ge(P).int().expand(B, T);
    const { lastHidden } = this.bert.forward(ids, { tokenTypes, attentionMask: seen.expand(B, T, T) });
    const [mixed] = this.attention.forward(lastHidden, lastHidden, lastHidden, { attnMask: seen.logicalNot() });
    return this.output.forward(mixed.at(":", `${from}:`));
  }
}

manualSeed(1);
const model = new TextGenerator(tokenizer.vocabularySize);
const optimizer = new AdamW(model.parameters(), { weightDecay: 0.01 });
const step = compile((ids: Tensor) => {
  const logits = model.forward(ids.at(":", ":-1")); // [B,13,V], behind the first couplet and each character of the second
  const loss = crossEntropy(logits, ids.at(":", `${P}:`)); // which are these and [SEP]
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
  return loss;
});

console.log(`${pairs.length} pairs of couplets, ${model.countParameters()} parameters`);
const rate = cosine({ learningRate: 1e-3, warmup: 100, steps });
const batches = new DataLoader(new TensorDataset(encodePairs(pairs).ids), { batchSize: 32, shuffle: true });
export const losses = train(steps, batches, ([ids], done) => {
  optimizer.learningRate = rate(done);
  return step(ids);
});

/** Draws the next token of each row from the ten likeliest, and concatenates it. */
function write(first: Tensor, length: number): Tensor {
  let ids = first; // [B,P]
  for (let t = 0; t < length; t++) {
    const { values, indices } = model.forward(ids, -1).squeeze(1).topk(10); // [B,10]
    const choice = multinomial(values.div(0.8).softmax(-1), 1); // [B,1]
    ids = cat([ids, indices.gather(1, choice)], 1);
  }
  return ids;
}

const some = heldOut.slice(0, 6);
const { ids } = encodePairs(some);
const written = noGrad(() => write(ids.narrow(1, 0, P), 12));
export const logits = noGrad(() => model.forward(ids.narrow(1, 0, P + 3), -1)); // f32[6,1,V]
export const poems = (written.toArray() as number[][]).map((row) => row.slice(P));
console.log("\nA first couplet of a poem it has not seen, what it writes, and what the poet wrote:");
for (const [i, [first, second]] of some.entries())
  console.log(`\n${first}\n  ${poems[i].map((id) => tokenizer.token(id)).join("")}\n  ${second}`);
