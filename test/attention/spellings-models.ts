// Whole layers as the models in use have them, in their eager form: BERT, GPT-2, Llama, T5, Bloom, gpt-oss.

import { arange, cat, full, ones, randn, type Tensor, tensor, tril, where } from "../../src/index.js";
import { Embedding, Linear, Module, Parameter, RMSNorm } from "../../src/nn/index.js";
import { B, C, D, given, H, held, modular, N, RESIDUAL, type Spelling } from "./spelling.js";

const LOWEST = -3.4028234663852886e38;
const CONTEXT = 16;
const attentionMask = () => given([1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1], "i32").view(B, N);
const withoutBias = { bias: false };

/** BertSelfAttention and the dense layer behind it. */
class Bert extends Module {
  query = new Linear(C, C);
  key = new Linear(C, C);
  value = new Linear(C, C);
  dense = new Linear(C, C);

  transposeForScores(x: Tensor): Tensor {
    return x.view(...x.shape.slice(0, -1), H, D).permute(0, 2, 1, 3);
  }

  forward(hidden: Tensor, mask: Tensor): Tensor {
    const extended = mask.at(":", null, null, ":").to("f32").neg().add(1).mul(LOWEST);
    const keyLayer = this.transposeForScores(this.key.forward(hidden));
    const valueLayer = this.transposeForScores(this.value.forward(hidden));
    const queryLayer = this.transposeForScores(this.query.forward(hidden));
    const scores = queryLayer.matmul(keyLayer.transpose(-1, -2)).div(Math.sqrt(D)).add(extended);
    const probabilities = scores.softmax(-1);
    const context = probabilities.matmul(valueLayer).permute(0, 2, 1, 3).contiguous();
    return this.dense.forward(context.view(...context.shape.slice(0, -2), C));
  }
}

/** GPT-2's eager attention: where with a buffer, then the padding mask added. */
class Gpt2 extends Module {
  cAttn = new Linear(C, 3 * C);
  cProj = new Linear(C, C);
  bias = held(tril(ones(CONTEXT, CONTEXT)).bool().view(1, 1, CONTEXT, CONTEXT));

  forward(hidden: Tensor, mask: Tensor): Tensor {
    const heads = (x: Tensor) => x.view(B, N, -1, D).transpose(1, 2);
    const [query, key, value] = this.cAttn.forward(hidden).split(C, 2).map(heads);
    let weights = query.matmul(key.transpose(-1, -2)).div(full([], value.size(-1) ** 0.5));
    const [queryLength, keyLength] = [query.size(-2), key.size(-2)];
    const causal = this.bias.at(":", ":", `${keyLength - queryLength}:${keyLength}`, `:${keyLength}`);
    weights = where(causal, weights.to(weights.dtype), full([], LOWEST));
    weights = weights.add(mask.at(":", null, null, ":").to("f32").neg().add(1).mul(LOWEST));
    const mixed = weights.softmax(-1).to(value.dtype).matmul(value).transpose(1, 2);
    return this.cProj.forward(mixed.reshape(B, N, -1).contiguous());
  }
}

/** Llama's eager attention: grouped heads, rotary positions, a four-dimensional mask, the softmax in f32. */
class Llama extends Module {
  readonly groups = 2;
  readonly heads = 4;
  qProj = new Linear(C, 4 * D, withoutBias);
  kProj = new Linear(C, 2 * D, withoutBias);
  vProj = new Linear(C, 2 * D, withoutBias);
  oProj = new Linear(4 * D, C, withoutBias);
  qNorm: RMSNorm | null = null;
  kNorm: RMSNorm | null = null;

  forward(hidden: Tensor, window?: number): Tensor {
    const heads = (x: Tensor) => x.view(B, N, -1, D);
    const norm = (x: Tensor, layer: RMSNorm | null) => (layer ? layer.forward(x) : x).transpose(1, 2);
    const query = this.rotate(norm(heads(this.qProj.forward(hidden)), this.qNorm));
    const key = this.rotate(norm(heads(this.kProj.forward(hidden)), this.kNorm));
    const value = heads(this.vProj.forward(hidden)).transpose(1, 2);
    const [k, v] = [key, value].map((x) =>
      x
        .at(":", ":", null, ":", ":")
        .expand(B, this.groups, this.heads / this.groups, N, D)
        .reshape(B, this.heads, N, D),
    );
    let mask = full([N, N], LOWEST).triu(1);
    if (window) mask = where(ones(N, N).bool().tril(-window), LOWEST, mask);
    const scores = query
      .matmul(k.transpose(2, 3))
      .mul(D ** -0.5)
      .add(held(mask.at(null, null).expand(B, 1, N, N)));
    const mixed = scores.float().softmax(-1).to(query.dtype).matmul(v);
    return this.oProj.forward(mixed.transpose(1, 2).contiguous().reshape(B, N, -1));
  }

  private rotate(x: Tensor): Tensor {
    const frequency = tensor(1e4)
      .pow(arange(0, D, 2).float().div(D))
      .reciprocal();
    const half = arange(N).float().unsqueeze(1).mul(frequency);
    const angle = cat([half, half], -1); // [N,D]
    const rotated = cat([x.at("...", `${D / 2}:`).neg(), x.at("...", `:${D / 2}`)], -1);
    return x.mul(angle.cos()).add(rotated.mul(angle.sin()));
  }
}

/** Qwen 3: as Llama, queries and keys normalised. */
class Qwen extends Llama {
  override qNorm = new RMSNorm(D, { eps: 1e-6 });
  override kNorm = new RMSNorm(D, { eps: 1e-6 });
}

/** T5's self-attention: no scale, a bias picked from an embedding of relative positions. */
class T5 extends Module {
  q = new Linear(C, C, withoutBias);
  k = new Linear(C, C, withoutBias);
  v = new Linear(C, C, withoutBias);
  o = new Linear(C, C, withoutBias);
  relativeAttentionBias = new Embedding(2 * N - 1, H);

  forward(hidden: Tensor, mask: Tensor): Tensor {
    const shape = (x: Tensor) => x.view(B, -1, H, D).transpose(1, 2);
    const scores = shape(this.q.forward(hidden)).matmul(shape(this.k.forward(hidden)).transpose(3, 2));
    const relative = arange(N)
      .at(null, ":")
      .sub(arange(N).at(":", null))
      .add(N - 1);
    const positionBias = this.relativeAttentionBias.forward(relative).permute([2, 0, 1]).unsqueeze(0);
    const extended = mask.at(":", null, null, ":").float().neg().add(1).mul(LOWEST);
    const pattern = scores.add(positionBias.add(extended)).float().softmax(-1).to(scores.dtype);
    const mixed = pattern.matmul(shape(this.v.forward(hidden)));
    return this.o.forward(mixed.transpose(1, 2).contiguous().view(B, -1, C));
  }
}

/** gpt-oss' eager attention: a learned sink for each head. */
class GptOss extends Llama {
  sinks = new Parameter(randn(4));

  override forward(hidden: Tensor): Tensor {
    const heads = (x: Tensor) => x.view(B, N, -1, D).transpose(1, 2);
    const [query, key, value] = [this.qProj, this.kProj, this.vProj].map((p) => heads(p.forward(hidden)));
    const [k, v] = [key, value].map((x) => x.repeatInterleave(this.heads / this.groups, 1));
    const scores = query
      .matmul(k.transpose(2, 3))
      .mul(D ** -0.5)
      .add(held(full([N, N], LOWEST).triu(1)));
    const sinks = this.sinks.reshape(1, -1, 1, 1).expand(B, -1, N, -1);
    const combined = cat([scores, sinks], -1);
    const probabilities = combined.sub(combined.max(-1, { keepdim: true }).values).softmax(-1);
    const mixed = probabilities.at("...", ":-1").to(v.dtype).matmul(v);
    return this.oProj.forward(mixed.transpose(1, 2).contiguous().reshape(B, N, -1));
  }
}

/** Bloom's: heads interleaved in the fused projection, alibi as the input of baddbmm. */
class Bloom extends Module {
  queryKeyValue = new Linear(C, 3 * C);
  dense = new Linear(C, C);

  forward(hidden: Tensor, mask: Tensor): Tensor {
    const fused = this.queryKeyValue.forward(hidden).view(B, N, H, 3, D);
    const [q, k, v] = [0, 1, 2].map((i) => fused.at("...", i, ":").transpose(1, 2));
    const arrange = mask.cumsum(-1).sub(1).mul(mask).at(":", null, ":"); // [B,1,N]
    const alibi = given([0.25, 0.0625, 0.5])
      .at(":", null)
      .mul(arrange)
      .reshape(B * H, 1, N);
    const query = q.reshape(B * H, N, D);
    const key = k.reshape(B * H, N, D).transpose(-1, -2);
    const products = alibi.add(query.matmul(key).mul(1 / Math.sqrt(D)));
    const hiddenKeys = arange(N)
      .gt(arange(N).view(N, 1))
      .logicalOr(mask.eq(0).at(":", null, null));
    const scores = products.view(B, H, N, -1).add(where(hiddenKeys, LOWEST, 0).to("f32"));
    const pattern = scores
      .float()
      .softmax(-1)
      .to(query.dtype)
      .view(B * H, N, N);
    const context = pattern
      .matmul(v.reshape(B * H, N, D))
      .view(B, H, N, D)
      .permute(0, 2, 1, 3);
    return this.dense.forward(context.reshape(B, N, C));
  }
}

export const MODELS: readonly Spelling[] = [
  modular(
    "BERT's self-attention with the extended mask",
    [RESIDUAL],
    () => new Bert(),
    (m, x) => m.forward(x, attentionMask()),
  ),
  modular(
    "GPT-2's attention with a padding mask",
    [RESIDUAL],
    () => new Gpt2(),
    (m, x) => m.forward(x, attentionMask()),
  ),
  modular(
    "Llama's attention",
    [RESIDUAL],
    () => new Llama(),
    (m, x) => m.forward(x),
  ),
  modular(
    "Mistral's attention, a sliding window",
    [RESIDUAL],
    () => new Llama(),
    (m, x) => m.forward(x, 4),
  ),
  modular(
    "Qwen's attention, queries and keys normalised",
    [RESIDUAL],
    () => new Qwen(),
    (m, x) => m.forward(x),
  ),
  modular(
    "T5's self-attention",
    [RESIDUAL],
    () => new T5(),
    (m, x) => m.forward(x, attentionMask()),
  ),
  modular(
    "Bloom's attention",
    [RESIDUAL],
    () => new Bloom(),
    (m, x) => m.forward(x, attentionMask()),
  ),
  modular(
    "gpt-oss' attention with sinks",
    [RESIDUAL],
    () => new GptOss(),
    (m, x) => m.forward(x),
  ),
];
