// Where does a classifier look? The text classifier of the tutorials: an embedding of 5000 words, 16 heads of self-attention that return their
// pattern too, the mean over the words, a Linear layer to the classes. It learns of what nationality a name is; its words are what three
// letters in a row there are in it (_ko kow owa ... ki_). Though the model returns the pattern, a training step stores none: attention is one
// step of it. The slip of the original: padding is attended to and counts in the mean, so that the answer to a name depends on the longest name
// beside it. The last lines look at what becomes of the answers when the mask is taken off.
// Run it with: npm run example 04-classifier

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { compile, crossEntropy, explain, manualSeed, padSequence, randint, type Tensor, tensor } from "heed";
import { heatMapSvg, heatMapText } from "heed/inspect";
import { Dropout, Embedding, Linear, Module } from "heed/nn";
import { WordTokenizer } from "heed/text";
import { Adam, DataLoader } from "heed/train";

const string = { type: "string" } as const;
const { steps = "258", dropout = "0.1" } = parseArgs({ options: { steps: string, dropout: string } }).values;

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

const lines = readFileSync(new URL("../data/names.tsv", import.meta.url), "utf8")
  .trimEnd()
  .split("\n");
const nationalities = ["Czech", "English", "German", "Italian", "Polish", "Romanian", "Turkish"];
const samples = lines.map((line) => {
  const [nationality, name] = line.split("\t");
  const letters = `_${name.toLowerCase()}_`;
  const words = Array.from(name, (_, i) => letters.slice(i, i + 3)); // kowalski: _ko kow owa wal als lsk ski ki_
  return { name, words, label: nationalities.indexOf(nationality) };
});
const [heldOut, learned] = [samples.slice(0, 1200), samples.slice(1200)];
const tokenizer = WordTokenizer.train(
  learned.map(({ words }) => words.join(" ")),
  { size: 5000 },
);
const read = (words: readonly string[]) => tensor(tokenizer.encode(words.join(" ")));
const collate = (batch: typeof samples) => ({
  ids: padSequence(
    batch.map(({ words }) => read(words)),
    { batchFirst: true },
  ), //                         [B,T]
  labels: tensor(batch.map(({ label }) => label)),
});

const model = new Classifier(nationalities.length);
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
const answers = (names: typeof heldOut, length: number, mask?: (ids: Tensor) => Tensor) =>
  [...new DataLoader(names, { batchSize: 100, collate })].flatMap(({ ids }) => {
    const padded = ids.pad([0, length - ids.shape[1]]);
    return [...model.forward(padded, mask?.(padded))[0].argmax(-1).dataSync()];
  });
const percent = (count: number) => `${((100 * count) / heldOut.length).toFixed(1)} %`;
const answered = answers(heldOut, 16);
const right = heldOut.filter(({ label }, i) => label === answered[i]).length;
const most = Math.max(...nationalities.map((_, label) => heldOut.filter((sample) => sample.label === label).length));
console.log(`\nRight: ${percent(right)} of ${heldOut.length} names not seen before`);
console.log(`Always the most frequent nationality: ${percent(most)}`);

console.log("\nIn capitals, letters of words that get more than one and a half times their even share of attention:");
const wide = heldOut.filter(({ words }) => words.length > 7);
for (const { name, words, label } of wide.slice(0, 14)) {
  const [logits, pattern] = model.forward(read(words).unsqueeze(0));
  const share = pattern.at(0).mean([0, 1]).dataSync(); // of a word in the mean over heads and words: what is pooled  [T]
  const seen = (letter: number) => [0, 1, 2].some((i) => (share[letter + 1 - i] ?? 0) * words.length > 1.5);
  const shown = Array.from(name.toLowerCase(), (c, letter) => (seen(letter) ? c.toUpperCase() : c)).join("");
  const said = nationalities[logits.argmax().item()];
  console.log(
    `  ${shown.padEnd(16)} said to be ${said}${said === nationalities[label] ? "" : `, is ${nationalities[label]}`}`,
  );
}
const [{ name, words }] = wide;
const pattern0 = model.forward(read(words).unsqueeze(0))[1].at(0); // [H,T,T]
const rows = Array.from({ length: 16 }, (_, head) => `head ${head}`);
console.log(`\n${heatMapText(pattern0.mean(1), { rows, columns: words, axes: ["heads", "words"], title: name })}`);
mkdirSync("runs", { recursive: true });
writeFileSync("runs/04-classifier.svg", heatMapSvg(pattern0, { rows: words, title: name }));
console.log("\nIts 16 patterns are in runs/04-classifier.svg");

const none = (ids: Tensor) => ids.lt(0); // no id is padding: all count as words
const changed = (mask?: (ids: Tensor) => Tensor) => {
  const longer = answers(heldOut, 30, mask);
  return answers(heldOut, 16, mask).filter((answer, i) => answer !== longer[i]).length;
};
console.log(`\nAnswers that change when names are padded to 30 words instead of 16: ${changed()},`);
console.log(`and with the mask taken off: ${changed(none)}`);
