// Where does a classifier look? The text classifier of the tutorials: an embedding of 5000 words, 16 heads of self-attention that return
// their pattern too, the mean over the words, a Linear layer to the classes. It learns of what nationality a name is; its words are what
// three letters in a row there are in it (_ko kow owa ... ki_). Because the mean follows attention at once, no word's value is ever
// computed: the pattern is summed over its queries, and weighs the words themselves. The slip of the original: padding is attended to and
// counts in the mean, so that the answer to a name depends on the longest name beside it; the last lines count the answers that change.
// Run it with: npm run example 04-classifier

import { compile, crossEntropy, explain, manualSeed, randint, type Tensor } from "heed";
import { Dropout, Embedding, Linear, Module } from "heed/nn";
import { Adam, DataLoader } from "heed/train";
import { collate, heldOut, known, mostFrequent, nationalities } from "./lib/names.js";
import { drawHeads, inCapitals, wide } from "./lib/names-shown.js";
import { settings } from "./lib/settings.js";
import { percent } from "./lib/show.js";
import { train } from "./lib/train.js";

const { steps, dropout } = settings({ steps: 258, dropout: 0.1 });

class MultiHeadAttention extends Module {
  query = new Linear(512, 512);
  key = new Linear(512, 512);
  value = new Linear(512, 512);
  dropout = new Dropout(dropout);
  forward(x: Tensor, padding: Tensor): [pattern: Tensor, mixed: Tensor] {
    const [B, T] = x.shape;
    const heads = (layer: Linear) => layer.forward(x).view(B, T, 16, 32).transpose(1, 2); //  [B,H,T,D]
    const scores = heads(this.query).matmul(heads(this.key).transpose(-2, -1)).div(Math.sqrt(32));
    const pattern = scores.maskedFill(padding.view(B, 1, 1, T), -Infinity).softmax(-1); //    [B,H,T,T]
    const mixed = this.dropout.forward(pattern).matmul(heads(this.value));
    return [pattern, mixed.transpose(1, 2).reshape(B, T, 512)];
  }
}

class Classifier extends Module {
  embedding = new Embedding(5000, 512);
  attention = new MultiHeadAttention();
  output: Linear;
  constructor(classes: number) {
    super();
    this.output = new Linear(512, classes);
  }
  forward(ids: Tensor, padding = ids.eq(0)): [logits: Tensor, pattern: Tensor] {
    const [pattern, mixed] = this.attention.forward(this.embedding.forward(ids), padding);
    const words = padding.logicalNot().sum(1, { keepdim: true }); //                          [B,1]
    const pooled = mixed.maskedFill(padding.unsqueeze(-1), 0).sum(1).div(words); //           [B,C]
    return [this.output.forward(pooled), pattern];
  }
}

manualSeed(123);
export const [logits, pattern] = new Classifier(2).forward(randint(0, 5000, [3, 30]));
console.log("A random batch: pattern", pattern.shape, "logits", logits.shape);

const model = new Classifier(nationalities.length);
const optimizer = new Adam(model.parameters(), { learningRate: 1e-3 });
const step = compile((ids: Tensor, labels: Tensor) => {
  const loss = crossEntropy(model.forward(ids)[0], labels);
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
  return loss;
});
const some = collate(known.slice(0, 64));
export const program = explain(step, some.ids, some.labels);
const products = program.match(/^matmul.*$/gm)?.slice(0, 6); //  queries, keys, scores; words weighed, one value a head, classes
console.log(`\nThe products on the way to the loss:\n${products?.join("\n")}\n`);

const loader = new DataLoader(known, { batchSize: 64, shuffle: true, dropLast: true, collate });
export const losses = train(steps, loader, ({ ids, labels }) => step(ids, labels));

model.eval();
const { ids, labels } = collate(heldOut);
const answers = (length: number, masked = true) => {
  const padded = ids.pad([0, length - ids.size(1)]);
  const padding = masked ? padded.eq(0) : padded.lt(0); // no id is below 0: the slip, all of them count as words
  return model.forward(padded, padding)[0].argmax(-1); // [N]
};
const right = answers(16).eq(labels).float().mean().item();
console.log(`\nRight: ${percent(right)} of ${heldOut.length} names not seen before`);
console.log(`Always the most frequent nationality: ${percent(mostFrequent)}`);

console.log("\nIn capitals, letters of words that get more than one and a half times their even share of attention:");
for (const sample of wide.slice(0, 14)) {
  const [logits, pattern] = model.forward(collate([sample]).ids);
  const share = pattern.at(0).mean([0, 1]); // of a word in the mean over heads and words: what is pooled  [T]
  console.log(inCapitals(sample, share.dataSync(), logits.argmax().item()));
}
drawHeads("04-classifier", wide[0], model.forward(collate([wide[0]]).ids)[1].at(0)); // [H,T,T]

const changed = (masked: boolean) => answers(16, masked).ne(answers(30, masked)).sum().item();
console.log(`\nAnswers that change when names are padded to 30 words instead of 16: ${changed(true)},`);
console.log(`and with the mask taken off: ${changed(false)}`);
