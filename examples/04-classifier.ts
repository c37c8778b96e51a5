// Which words does a classifier attend to? The text classifier of the tutorials: an embedding of 5000 words, 16 heads of self-attention that
// return their pattern too, the mean over the words, two classes. It learns to tell spam from ham by the subject and the first words of real
// mails. Though the model returns the pattern, a training step stores none: attention is one step of it. The slip of the original: padding is
// attended to and counts in the mean, so that what a mail is taken for depends on the longest mail beside it. The
// last lines look at what becomes of the answers when the mask is taken off.
// Run it with: npm run example 04-classifier

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { compile, crossEntropy, explain, manualSeed, padSequence, randint, type Tensor, tensor } from "heed";
import { heatMapSvg, heatMapText } from "heed/inspect";
import { Dropout, Embedding, Linear, Module } from "heed/nn";
import { WordTokenizer } from "heed/text";
import { Adam, DataLoader } from "heed/train";

const string = { type: "string" } as const;
const { steps = "169", dropout = "0.1" } = parseArgs({ options: { steps: string, dropout: string } }).values;

class MultiHeadAttention extends Module {
  query = new Linear(512, 512);
  key = new Linear(512, 512);
  value = new Linear(512, 512);
  dropout = new Dropout(Number(dropout));

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
  output = new Linear(512, 2);

  forward(ids: Tensor, padding = ids.eq(0)): [logits: Tensor, pattern: Tensor] {
    const [pattern, mixed] = this.attention.forward(this.embedding.forward(ids), padding);
    const words = padding.logicalNot().sum(1, { keepdim: true }); //                          [B,1]
    const pooled = mixed.maskedFill(padding.unsqueeze(-1), 0).sum(1).div(words); //           [B,C]
    return [this.output.forward(pooled), pattern];
  }
}

manualSeed(123);
const model = new Classifier();
export const [logits, pattern] = model.forward(randint(0, 5000, [3, 30]));
console.log("A random batch: pattern", pattern.shape, "logits", logits.shape);

type Mail = { label: number; text: string };
const mailsOf = (name: string): Mail[] => {
  const lines = readFileSync(new URL(`../data/${name}.tsv`, import.meta.url), "utf8")
    .trimEnd()
    .split("\n");
  return lines.map((line) => line.split("\t")).map(([label, text]) => ({ label: Number(label === "spam"), text }));
};
const [learned, heldOut] = [mailsOf("mails"), mailsOf("mails-held-out")];
const learnedTexts = learned.map(({ text }) => text);
const tokenizer = WordTokenizer.train(learnedTexts, { size: 5000 });
const read = (text: string) => tensor(tokenizer.encode(text).slice(0, 30));
const collate = (batch: readonly Mail[]) => ({
  ids: padSequence(
    batch.map(({ text }) => read(text)),
    { batchFirst: true },
  ), //                         [B,T]
  labels: tensor(batch.map(({ label }) => label)),
});

const optimizer = new Adam(model.parameters(), { learningRate: 1e-3 });
const step = compile((ids: Tensor, labels: Tensor) => {
  const [logits] = model.forward(ids);
  const loss = crossEntropy(logits, labels);
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
  return loss;
});
const some = collate(learned.slice(0, 64));
export const program = explain(step, some.ids, some.labels);
console.log(`\nThe attention of a training step:\n${program.match(/^attention.*$/gm)?.join("\n")}\n`);

const loader = new DataLoader(learned, { batchSize: 64, shuffle: true, dropLast: true, collate });
export const losses: number[] = [];
while (losses.length < Number(steps)) {
  for (const { ids, labels } of loader) {
    if (losses.push(step(ids, labels).item()) === Number(steps)) break;
    const line = `step ${losses.length} of ${steps}: loss ${losses.at(-1)?.toFixed(3)}`;
    if (process.stdout.isTTY) process.stdout.write(`\r${line} `);
    else if (losses.length % 50 === 0) console.log(line);
  }
}

model.eval();
const answers = (texts: typeof heldOut, length: number, mask?: (ids: Tensor) => Tensor) =>
  [...new DataLoader(texts, { batchSize: 67, collate })].flatMap(({ ids }) => {
    const padded = ids.pad([0, length - ids.shape[1]]);
    return [...model.forward(padded, mask?.(padded))[0].argmax(-1).dataSync()];
  });
const percent = (count: number) => `${((100 * count) / heldOut.length).toFixed(1)} %`;
const answered = answers(heldOut, 30);
const right = heldOut.filter(({ label }, i) => label === answered[i]).length;
const ham = heldOut.filter(({ label }) => label === 0).length;
console.log(`\nRight: ${percent(right)} of ${heldOut.length} mails not seen before`);
console.log(`Calling every mail ham: ${percent(ham)}`);

console.log("\nIN CAPITALS: words that get more than one and a half times their even share of attention\n");
mkdirSync("runs", { recursive: true });
for (const nth of [1, 3, 5, 7, 9, 11]) {
  const { label, text } = heldOut[Math.floor((nth / 12) * heldOut.length)];
  const [logits, pattern] = model.forward(read(text).unsqueeze(0));
  const words = tokenizer.decode(read(text).dataSync()).split(" ");
  const share = pattern.at(0).mean([0, 1]).dataSync(); // of a word in the mean over heads and words: what is pooled  [T]
  const shown = words.map((word, s) => (share[s] * words.length > 1.5 ? word.toUpperCase() : word)).join(" ");
  const names = ["ham", "spam"];
  console.log(`${names[label]}, said to be ${names[logits.argmax().item()]}: ${shown}`);
  if (nth < 11) continue;
  const rows = Array.from({ length: 16 }, (_, head) => `head ${head}`);
  console.log(`\n${heatMapText(pattern.at(0).mean(1), { rows, columns: words, axes: ["heads", "words"] })}`);
  writeFileSync("runs/04-classifier.svg", heatMapSvg(pattern.at(0), { rows: words, title: text }));
  console.log("\nIts 16 patterns are in runs/04-classifier.svg");
}

const few = heldOut.filter((_, i) => i % 5 === 0);
const seen = (ids: Tensor) => ids.lt(0); // no id is padding: all count as words
const changed = (mask?: (ids: Tensor) => Tensor) => {
  const longer = answers(few, 60, mask);
  return answers(few, 30, mask).filter((answer, i) => answer !== longer[i]).length;
};
console.log(`\nAnswers that change when ${few.length} sentences are padded to 60 words instead of 30: ${changed()},`);
console.log(`and with the mask taken off: ${changed(seen)}`);
