// Whole layers as tutorials have them, with their parameters: nanoGPT, "LLMs from scratch", the Annotated Transformer, Dive into Deep
// Learning, Keras.

import { cat, einsum, ones, randn, softmax, type Tensor, tril, triu } from "../../src/index.js";
import { Dropout, GELU, LayerNorm, Linear, Module, ModuleList, Parameter } from "../../src/nn/index.js";
import { B, C, D, E, given, H, held, modular, N, RESIDUAL, S, type Spelling, T } from "./spelling.js";

const INFINITE = Number.NEGATIVE_INFINITY;
const CONTEXT = 16;
const MEMORY = `f32[${B},${S},${C}]`;
const WIDE = `f32[${B},${T},${C}]`;

/** nanoGPT's CausalSelfAttention, the slow path. */
class NanoAttention extends Module {
  cAttn = new Linear(C, 3 * C);
  cProj = new Linear(C, C);
  attnDropout = new Dropout(0.1);
  bias = this.registerBuffer("bias", tril(ones(CONTEXT, CONTEXT)).view(1, 1, CONTEXT, CONTEXT));

  forward(x: Tensor): Tensor {
    const [b, t, c] = x.shape;
    let [q, k, v] = this.cAttn.forward(x).split(C, 2);
    k = k.view(b, t, H, c / H).transpose(1, 2); // [B,H,T,D]
    q = q.view(b, t, H, c / H).transpose(1, 2);
    v = v.view(b, t, H, c / H).transpose(1, 2);
    let att = q.matmul(k.transpose(-2, -1)).mul(1.0 / Math.sqrt(k.size(-1)));
    att = att.maskedFill(this.bias.at(":", ":", `:${t}`, `:${t}`).eq(0), INFINITE);
    att = softmax(att, -1);
    att = this.attnDropout.forward(att);
    const y = att.matmul(v); // [B,H,T,D]
    return this.cProj.forward(y.transpose(1, 2).contiguous().view(b, t, c));
  }
}

class NanoBlock extends Module {
  ln1 = new LayerNorm(C);
  attn = new NanoAttention();
  ln2 = new LayerNorm(C);
  expand = new Linear(C, 4 * C);
  gelu = new GELU();
  contract = new Linear(4 * C, C);

  forward(input: Tensor): Tensor {
    const x = input.add(this.attn.forward(this.ln1.forward(input)));
    return x.add(this.contract.forward(this.gelu.forward(this.expand.forward(this.ln2.forward(x)))));
  }
}

/** "LLMs from scratch", chapter 3: CausalAttention. */
class CausalAttention extends Module {
  wQuery = new Linear(C, D, { bias: false });
  wKey = new Linear(C, D, { bias: false });
  wValue = new Linear(C, D, { bias: false });
  dropout = new Dropout(0.5);
  mask = this.registerBuffer("mask", triu(ones(CONTEXT, CONTEXT), 1));

  forward(x: Tensor): Tensor {
    const numTokens = x.shape[1];
    const keys = this.wKey.forward(x);
    const queries = this.wQuery.forward(x);
    const values = this.wValue.forward(x);
    let attnScores = queries.matmul(keys.transpose(1, 2));
    attnScores = attnScores.maskedFill(this.mask.bool().at(`:${numTokens}`, `:${numTokens}`), INFINITE);
    let attnWeights = softmax(attnScores.div(keys.shape[2] ** 0.5), -1);
    attnWeights = this.dropout.forward(attnWeights);
    return attnWeights.matmul(values);
  }
}

/** Its SelfAttention_v1: parameters, no mask, no batch. */
class SelfAttentionV1 extends Module {
  wQuery = new Parameter(randn(C, D));
  wKey = new Parameter(randn(C, D));
  wValue = new Parameter(randn(C, D));

  forward(x: Tensor): Tensor {
    const [keys, queries, values] = [x.matmul(this.wKey), x.matmul(this.wQuery), x.matmul(this.wValue)];
    const attnScores = queries.matmul(keys.T); // omega
    return softmax(attnScores.div(keys.shape[1] ** 0.5), -1).matmul(values);
  }
}

class MultiHeadAttentionWrapper extends Module {
  heads = new ModuleList(Array.from({ length: H }, () => new CausalAttention()));

  forward(x: Tensor): Tensor {
    return cat(
      [...this.heads].map((head) => head.forward(x)),
      -1,
    );
  }
}

/** Its MultiHeadAttention. */
class ScratchAttention extends Module {
  wQuery = new Linear(C, C, { bias: false });
  wKey = new Linear(C, C, { bias: false });
  wValue = new Linear(C, C, { bias: false });
  outProj = new Linear(C, C);
  dropout = new Dropout(0.1);
  mask = this.registerBuffer("mask", triu(ones(CONTEXT, CONTEXT), 1));

  forward(x: Tensor): Tensor {
    const [b, numTokens] = x.shape;
    const split = (y: Tensor) => y.view(b, numTokens, H, D).transpose(1, 2);
    const [keys, queries, values] = [this.wKey, this.wQuery, this.wValue].map((w) => split(w.forward(x)));
    const maskBool = this.mask.bool().at(`:${numTokens}`, `:${numTokens}`);
    const attnScores = queries.matmul(keys.transpose(2, 3)).maskedFill(maskBool, INFINITE);
    const attnWeights = this.dropout.forward(softmax(attnScores.div(keys.shape[3] ** 0.5), -1));
    const contextVec = attnWeights.matmul(values).transpose(1, 2).contiguous().view(b, numTokens, C);
    return this.outProj.forward(contextVec);
  }
}

/** The Annotated Transformer's attention() and MultiHeadedAttention. */
class MultiHeadedAttention extends Module {
  linears = new ModuleList(Array.from({ length: 4 }, () => new Linear(C, C)));
  attn: Tensor | null = null;

  forward(query: Tensor, key: Tensor, value: Tensor, mask?: Tensor): Tensor {
    const nbatches = query.size(0);
    const [q, k, v] = [query, key, value].map((x, i) =>
      this.linears[i].forward(x).view(nbatches, -1, H, D).transpose(1, 2),
    );
    let scores = q.matmul(k.transpose(-2, -1)).div(Math.sqrt(q.size(-1)));
    if (mask) scores = scores.maskedFill(mask.unsqueeze(1).eq(0), -1e9);
    this.attn = scores.softmax(-1);
    const x = this.attn
      .matmul(v)
      .transpose(1, 2)
      .contiguous()
      .view(nbatches, -1, H * D);
    return this.linears[3].forward(x);
  }
}

/** Keras' MultiHeadAttention: kernels [C,H,D], everything by einsum, an additive mask of -1e9. */
class KerasAttention extends Module {
  kernels = [randn(C, H, D), randn(C, H, D), randn(C, H, E)].map((w) => new Parameter(w.mul(0.3)));
  biases = [randn(H, D), randn(H, D), randn(H, E)].map((b) => new Parameter(b.mul(0.3)));
  output = new Parameter(randn(H, E, C));

  forward(query: Tensor, value: Tensor, mask: Tensor): Tensor {
    const [q, k, v] = [query, value, value].map((x, i) =>
      einsum("abc,cde->abde", x, this.kernels[i]).add(this.biases[i]),
    );
    const scores = einsum("aecd,abcd->acbe", k, q.mul(1 / Math.sqrt(D))); // [B,H,T,S]
    const adder = mask.to("f32").neg().add(1).mul(-1e9).unsqueeze(1);
    const probabilities = scores.add(adder).softmax(-1);
    return einsum("abcd,cde->abe", einsum("acbe,aecd->abcd", probabilities, v), this.output);
  }
}

const mask = () => held(given([1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1, 0], "i32").view(B, 1, S));

export const MODULES: readonly Spelling[] = [
  modular(
    "nanoGPT's CausalSelfAttention, evaluation",
    [RESIDUAL],
    () => new NanoAttention().eval(),
    (m, x) => m.forward(x),
  ),
  modular(
    "nanoGPT's CausalSelfAttention, training inside compile",
    [RESIDUAL],
    () => new NanoAttention(),
    (m, x) => m.forward(x),
    { traced: true },
  ),
  modular(
    "nanoGPT's Block",
    [RESIDUAL],
    () => new NanoBlock().eval(),
    (m, x) => m.forward(x),
  ),
  modular(
    "LLMs from scratch: SelfAttention_v1",
    [`f32[${N},${C}]`],
    () => new SelfAttentionV1(),
    (m, x) => m.forward(x.mul(0.3)),
  ),
  modular(
    "LLMs from scratch: CausalAttention",
    [RESIDUAL],
    () => new CausalAttention().eval(),
    (m, x) => m.forward(x),
  ),
  modular(
    "LLMs from scratch: CausalAttention, training inside compile",
    [RESIDUAL],
    () => new CausalAttention(),
    (m, x) => m.forward(x),
    { traced: true },
  ),
  modular(
    "LLMs from scratch: MultiHeadAttentionWrapper",
    [RESIDUAL],
    () => new MultiHeadAttentionWrapper().eval(),
    (m, x) => m.forward(x),
  ),
  modular(
    "LLMs from scratch: MultiHeadAttention",
    [RESIDUAL],
    () => new ScratchAttention().eval(),
    (m, x) => m.forward(x),
  ),
  modular(
    "the Annotated Transformer: MultiHeadedAttention",
    [RESIDUAL],
    () => new MultiHeadedAttention(),
    (m, x) =>
      m.forward(
        x,
        x,
        x,
        triu(ones(1, N, N), 1)
          .eq(0)
          .to("i32"),
      ),
  ),
  modular(
    "the Annotated Transformer: cross attention, padded",
    [WIDE, MEMORY],
    () => new MultiHeadedAttention(),
    (m, x, memory) => m.forward(x, memory, memory, mask()),
  ),
  modular(
    "Keras' MultiHeadAttention",
    [WIDE, MEMORY],
    () => new KerasAttention(),
    (m, x, memory) => m.forward(x, memory, mask()),
  ),
];
