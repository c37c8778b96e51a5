// The attention weights of a BERT for two Chinese sentences: after the tutorials that load bert-base-chinese with output_attentions=True and
// print what comes. With `--model FOLDER`, a folder of Hugging Face as it lies there, they are that model's; otherwise a small BERT is trained
// first, for a minute, to guess masked characters of Tang poems. BERT reads the sentences as a pair, so that heads can look from one into the
// other; the mean over heads, which is often shown alone, would hide what each of them does. Only the layers that are drawn are ever computed.
// Writes drawings into runs/. Run it with: npm run example 06-bert-weights

import { mkdirSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { compile, eye, manualSeed, type Tensor, tensor } from "heed";
import { heatMapSvg, heatMapText } from "heed/inspect";
import { Bert, type LoadedBert, loadBert, maskTokens } from "heed/models";
import { AdamW, cosine, DataLoader, TensorDataset } from "heed/train";
import { tokenizer as characters, encodePairs, pairs, progress } from "./lib/tang-couplets.js";

const { values: words } = parseArgs({
  options: {
    model: { type: "string" },
    steps: { type: "string", default: "1200" },
    first: { type: "string" },
    second: { type: "string" },
    layer: { type: "string", default: "-1" },
  },
});

export const losses: number[] = [];

/** Masked language modelling, as BERT was trained: of every 100 characters 15 are to be guessed from all the others. */
function train(steps: number): LoadedBert {
  manualSeed(1);
  const { vocabularySize } = characters;
  const sizes = { vocabularySize, context: 32, layers: 2, heads: 4, width: 128, dropout: 0, pooler: false };
  const model = new Bert(sizes);
  const optimizer = new AdamW(model.parameters(), { weightDecay: 0.01 });
  const { ids, tokenTypes } = encodePairs(pairs);
  const step = compile((ids: Tensor, targets: Tensor) => {
    const loss = model.loss(ids, targets, { tokenTypes: tokenTypes.expand(ids.shape) });
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    return loss;
  });
  console.log(`${pairs.length} pairs of couplets, ${vocabularySize} characters, ${model.countParameters()} parameters`);
  const rate = cosine({ learningRate: 2e-3, warmup: 100, steps });
  const batches = new DataLoader(new TensorDataset(ids), { batchSize: 32, shuffle: true, dropLast: true });
  while (losses.length < steps) {
    for (const [batch] of batches) {
      if (losses.length === steps) break;
      optimizer.learningRate = rate(losses.length);
      const masked = maskTokens(batch, { maskId: 4, vocabularySize, special: batch.lt(5) });
      losses.push(step(masked.ids, masked.targets).item());
      progress(losses.length, steps, losses.at(-1) as number);
    }
  }
  return { model: model.eval(), tokenizer: characters };
}

const { model, tokenizer } = words.model ? await loadBert(words.model) : train(Number(words.steps));
const familiar = words.model
  ? ["我喜欢读书。", "书里有另一个世界。"]
  : ["床前明月光，疑是地上霜。", "舉頭望明月，低頭思故鄉。"];
const [first, second] = [words.first ?? familiar[0], words.second ?? familiar[1]];
const { ids, tokenTypes } = tokenizer.encodePair(first, second);
const labels = Array.from(ids, (id) => tokenizer.token(id) as string);

const { patterns } = model.forward(tensor([[...ids]]), { tokenTypes: tensor([[...tokenTypes]]) });
console.log(`\n${patterns.length} layers of weights [${patterns[0].shape}]: batch, heads, queries, keys`);
const layer = patterns.at(Number(words.layer)) as Tensor;
export const pattern = layer.at(0); // [H,T,T]

const title = `${first} ${second}`;
console.log(`\n${heatMapText(pattern, { rows: labels, title })}`);

const T = labels.length;
const sign = tensor(labels.map((label) => /^[[\p{P}]/u.test(label))); //       bool[T]: [CLS], [SEP] and punctuation
const other = tensor([...tokenTypes])
  .unsqueeze(1)
  .ne(tensor([...tokenTypes])); // bool[T,T]
const between = sign.unsqueeze(1).logicalOr(sign).logicalNot(); //             bool[T,T]: character to character
const share = (where: Tensor) => pattern.mul(where).sum(-1).mean(-1).toArray() as number[]; // [H]
const [signs, across, itself] = [share(sign), share(other), share(eye(T))];
const strongest = pattern
  .mul(between)
  .mul(eye(T).neg().add(1))
  .reshape(-1, T * T)
  .max(-1);
const percent = (x: number) => `${(100 * x).toFixed(0)} %`.padStart(6);
console.log("\nhead  to signs  to itself  across  strongest between characters");
for (let h = 0; h < signs.length; h++) {
  const at = strongest.indices.at(h).item();
  const pair = `${labels[Math.floor(at / T)]} looks at ${labels[at % T]}, ${percent(strongest.values.at(h).item()).trim()}`;
  console.log(
    `${String(h).padStart(4)}  ${percent(signs[h])}    ${percent(itself[h])}   ${percent(across[h])}  ${pair}`,
  );
}

mkdirSync("runs", { recursive: true });
for (const [l, weights] of patterns.entries())
  writeFileSync(
    `runs/06-bert-weights-layer-${l}.svg`,
    heatMapSvg(weights.at(0), { rows: labels, title: `${title} layer ${l}` }),
  );
console.log(`\nDrawn in runs/06-bert-weights-layer-0.svg to -${patterns.length - 1}.svg`);
