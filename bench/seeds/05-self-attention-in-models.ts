// Self-attention as a layer, on 32 vectors, and on the patches of an image; and ResNet-50 on one image.

import { compile, manualSeed, noGrad, randn, type Tensor } from "heed";
import { ResNet } from "heed/models";
import { Conv2d, Linear, Module } from "heed/nn";
import type { Seed } from "../lib/seed.js";

const C = 512;

class SelfAttention extends Module {
  query = new Linear(C, C);
  key = new Linear(C, C);
  value = new Linear(C, C);
  forward(x: Tensor): Tensor {
    const [q, k, v] = [this.query, this.key, this.value].map((layer) => layer.forward(x)); // [T,C]
    return q.matmul(k.transpose(-2, -1)).div(Math.sqrt(C)).softmax(-1).matmul(v);
  }
}

class MultiHeadSelfAttention extends SelfAttention {
  output = new Linear(C, C);
  override forward(x: Tensor): Tensor {
    const split = (y: Tensor) => y.unflatten(-1, [8, 64]).transpose(-3, -2); // [...,H,T,D]
    const [q, k, v] = [this.query, this.key, this.value].map((layer) => split(layer.forward(x)));
    const pattern = q.matmul(k.transpose(-2, -1)).div(8).softmax(-1); // [...,H,T,T]
    return this.output.forward(pattern.matmul(v).transpose(-3, -2).flatten(-2)); // [...,T,C]
  }
}

class PatchAttention extends Module {
  patches = new Conv2d(3, C, 16, { stride: 16 });
  attention = new MultiHeadSelfAttention();
  forward(images: Tensor): Tensor {
    return this.attention.forward(this.patches.forward(images).flatten(2).transpose(1, 2)); // [B,196,C]
  }
}

function seed(
  work: string,
  least: number,
  shape: number[],
  model: () => Module & { forward(x: Tensor): Tensor },
): Seed {
  return {
    work,
    least,
    make() {
      manualSeed(42);
      const x = randn(shape).evaluate();
      const made = model().eval();
      const call = compile((x: Tensor) => noGrad(() => made.forward(x)));
      return () => call(x);
    },
  };
}

const image = [1, 3, 224, 224];
export const forward = seed("self-attention, [32,512]", 2, [32, C], () => new SelfAttention());
export const forwardHeads = seed("8 heads, [32,512]", 2, [32, C], () => new MultiHeadSelfAttention());
export const forwardPatches = seed("8 heads on patches, [1,3,224,224]", 2, image, () => new PatchAttention());
export const forwardResNet = {
  ...seed("ResNet-50, [1,3,224,224]", 0.8, image, () => new ResNet()),
  pace: "middling" as const,
};
