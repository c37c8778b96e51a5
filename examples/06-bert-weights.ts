// The attention weights of a BERT for two Chinese sentences: after the tutorials that load bert-base-chinese with output_attentions=True and
// print what comes. With `--model FOLDER`, a folder of Hugging Face as it lies there, they are that model's; otherwise a small BERT is trained
// first, for a minute, to guess masked characters of Tang poems. BERT reads the sentences as a pair, so that heads can look from one into the
// other; the mean over heads, which is often shown alone, would hide what each of them does. Only the layers that are drawn are ever computed.
// Writes drawings into runs/. Run it with: npm run example 06-bert-weights

import { compile, eye, manualSeed, type Tensor, tensor } from "heed";
import { heatMapSvg, heatMapText } from "heed/inspect";
import { Bert, type LoadedBert, loadBert, maskTokens } from "heed/models";
import { AdamW, cosine, DataLoader, TensorDataset } from "heed/train";
import { settings, stop } from "./lib/settings.js";
import { draw, percent, table } from "./lib/show.js";
import { tokenizer as characters, encodePairs, pairs } from "./lib/tang-couplets.js";
import { train } from "./lib/train.js";

const words = settings({ model: "", steps: 1200, layer: -1, first: "", second: "" });

export let losses: number[] = [];

/** Masked language modelling, as BERT was trained: of every 100 characters 15 are to be guessed from all the others. */
function trained(steps: number): LoadedBert {
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
  losses = train(steps, batches, ([ids], done) => {
    optimizer.learningRate = rate(done);
    const masked = maskTokens(ids, { maskId: 4, vocabularySize, special: ids.lt(5) });
    return step(masked.ids, masked.targets);
  });
  return { model: model.eval(), tokenizer: characters };
}

const { model, tokenizer } = words.model ? await loadBert(words.model) : trained(words.steps);
const familiar = words.model
  ? ["我喜欢读书。", "书里有另一个世界。"]
  : ["床前明月光，疑是地上霜。", "舉頭望明月，低頭思故鄉。"];
const [first, second] = [words.first || familiar[0], words.second || familiar[1]];
const { ids, tokenTypes } = tokenizer.encodePair(first, second);
const labels = Array.from(ids, (id) => tokenizer.token(id) as string);

const types = tensor([...tokenTypes]); // i32[T]: 0 for the first sentence, 1 for the second
const { patterns } = model.forward(tensor([[...ids]]), { tokenTypes: types.unsqueeze(0) });
console.log(`\n${patterns.length} layers of weights [${patterns[0].shape}]: batch, heads, queries, keys`);
const layer = patterns.at(words.layer) ?? stop(`--layer ${words.layer}: there are 0 to ${patterns.length - 1}`);
export const pattern = layer.at(0); // [H,T,T]

const title = `${first} ${second}`;
console.log(`\n${heatMapText(pattern, { rows: labels, title })}`);

const T = labels.length;
const sign = tensor(labels.map((label) => /^[[\p{P}]/u.test(label))); // bool[T]: [CLS], [SEP] and punctuation
const other = types.unsqueeze(1).ne(types); //                            bool[T,T]: in the other sentence
const itself = eye(T).bool();
const share = (where: Tensor) => pattern.mul(where).sum(-1).mean(-1).toArray() as number[]; // [H]
const shares = [sign, itself, other].map(share);
const between = sign.unsqueeze(1).logicalOr(sign).logicalOr(itself).logicalNot(); // bool[T,T]: from a character to another
const strongest = pattern.mul(between).flatten(1).max(-1); // [H], among T·T
const lines = Array.from(strongest.indices.dataSync(), (at, h) => {
  const pair = `${labels[Math.floor(at / T)]} looks at ${labels[at % T]}, ${percent(strongest.values.at(h).item(), 0)}`;
  return [`${h}`, ...shares.map((heads) => percent(heads[h], 0)), pair];
});
const head = ["head", "to signs", "to itself", "across", "strongest between characters"];
console.log(`\n${table("rrrrl", [head, ...lines])}\n`);

for (const [l, weights] of patterns.entries())
  draw(`06-bert-weights-layer-${l}`, heatMapSvg(weights.at(0), { rows: labels, title: `${title} layer ${l}` }));
