// Self-attention as a layer of models, beside convolution, as interviews like to ask: SimpleSelfAttention and MultiHeadSelfAttention on
// (32, 512), that is 32 positions of width 512, against a convolution of about as many parameters; then both on images (32, 3, 224, 224),
// attention among 196 patches (Dosovitskiy et al. 2021) against ResNet-50 (He et al. 2016). Tutorials of this kind often transpose the
// key by .transpose(1, 2), which for heads [B,H,T,D] exchanges heads and positions (an error, unless H = T = D hides it), and divide by the
// root of a hidden_dim that is nowhere defined (that of the model, 512, makes the scores of 8 heads √8 = 2.8 times too small, and the weights
// too even); meant are the last two axes, and the width D of what is multiplied. `-- --batch 1` takes less time.
// Run it with: npm run example 05-self-attention-in-models

import { manualSeed, noGrad, randn, type Tensor } from "heed";
import { summary } from "heed/inspect";
import { ResNet } from "heed/models";
import { Conv1d, Conv2d, Linear, Module } from "heed/nn";
import { receptiveField } from "./lib/receptive-field.js";
import { settings } from "./lib/settings.js";
import { milliseconds, table, thousands } from "./lib/show.js";

const { batch: B } = settings({ batch: 32 });

class SimpleSelfAttention extends Module {
  query = new Linear(512, 512);
  key = new Linear(512, 512);
  value = new Linear(512, 512);
  forward(x: Tensor): Tensor {
    const [q, k, v] = [this.query.forward(x), this.key.forward(x), this.value.forward(x)]; // [T,C]
    const scores = q.matmul(k.transpose(-2, -1)).div(Math.sqrt(q.size(-1))); //               [T,T]
    return scores.softmax(-1).matmul(v);
  }
}

class MultiHeadSelfAttention extends SimpleSelfAttention {
  output = new Linear(512, 512);
  override forward(x: Tensor): Tensor {
    const split = (y: Tensor) => y.unflatten(-1, [8, 64]).transpose(-3, -2); //               [...,H,T,D]
    const [q, k, v] = [this.query, this.key, this.value].map((layer) => split(layer.forward(x)));
    const scores = q.matmul(k.transpose(-2, -1)).div(Math.sqrt(q.size(-1))); //               [...,H,T,T]
    return this.output.forward(scores.softmax(-1).matmul(v).transpose(-3, -2).flatten(-2)); // [...,T,C]
  }
}

class Convolution extends Module {
  convolution = new Conv1d(512, 512, 3, { padding: 1 });
  forward(x: Tensor): Tensor {
    return this.convolution.forward(x.T).T; // positions along the last axis, and back
  }
}

class PatchAttention extends Module {
  patches = new Conv2d(3, 512, 16, { stride: 16 });
  attention = new MultiHeadSelfAttention();
  forward(images: Tensor): Tensor {
    return this.attention.forward(this.patches.forward(images).flatten(2).transpose(1, 2)); // [B,196,512]
  }
}

manualSeed(42);
const [vectors, small] = [randn(32, 512), randn(2, 3, 64, 64)];
const simple = new SimpleSelfAttention();
const heads = new MultiHeadSelfAttention();
const convolution = new Convolution();
const patches = new PatchAttention();
const resnet = new ResNet().eval();
export const mixed = simple.forward(vectors); //       [32,512]
export const merged = heads.forward(vectors); //       [32,512]
export const convolved = convolution.forward(vectors); // [32,512]
export const patched = patches.forward(small); //      [2,16,512]
export const logits = noGrad(() => resnet.forward(small)); // [2,1000]
console.log(`32 vectors, each mixed with all of them:\n${mixed}`);
console.log(`\nLogits of an untrained ResNet-50 for two small images:\n${logits}`);

export const field = receptiveField(resnet);
const images = randn(B, 3, 224, 224);
const rows: [string, Module & { forward(x: Tensor): Tensor }, Tensor, string][] = [
  ["self-attention", simple, vectors, "32 of 32 positions"],
  ["self-attention, 8 heads", heads, vectors, "32 of 32 positions"],
  ["convolution of size 3", convolution, vectors, "3 of 32 positions"],
  ["self-attention of patches", patches, images, "224 of 224 pixels"],
  ["ResNet-50", resnet, images, `${field} of 224 pixels`],
];
export const counted = rows.map(([name, model, x]) => ({ name, ...summary(model, x) }));
const lines = rows.map(([name, model, x, sees], i) => {
  const { parameters, flops } = counted[i];
  const ms = milliseconds(model, x);
  return [name, `(${x.shape.join(", ")})`, thousands(parameters), (flops / 1e9).toFixed(2), ms.toFixed(1), sees];
});
console.log(`\n${table("lrrrrr", [["", "input", "parameters", "Gflop", "ms", "one output sees"], ...lines])}`);
console.log("\nResNet-50's is that of a number before its last pooling: the windows reach beyond the image.");
