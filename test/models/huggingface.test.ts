// A GPT-2 of transformers: the same logits from the same tensors, and the way back.

import { describe, expect, it } from "vitest";
import { Generator, randn, type Tensor, tensor, zeros } from "../../src/index.js";
import { GPT, generate } from "../../src/models/index.js";
import { expectClose, golden, type Packed } from "../nn/golden.js";

interface HuggingFace {
  config: Record<string, unknown>;
  names: Record<string, number[]>;
  ids: number[][];
  logits: Packed;
  greedy: number[];
}
const { config, names, ids, logits, greedy } = golden<{ huggingFace: HuggingFace }>("gpt").huggingFace;

function checkpoint(): Record<string, Tensor> {
  const generator = new Generator(3);
  const entries = Object.entries(names).map(([name, shape]) => [name, randn(shape, { generator }).mul(0.3)]);
  return Object.fromEntries(entries);
}

/** As the published gpt2: no prefix, the causal masks stored too. */
function published(): Record<string, Tensor> {
  const entries = Object.entries(checkpoint()).map(([name, t]) => [name.replace("transformer.", ""), t]);
  return { ...Object.fromEntries(entries), "h.0.attn.bias": zeros(1, 1, 16, 16), "h.1.attn.masked_bias": zeros(1) };
}

describe("a Hugging Face GPT-2", () => {
  for (const [name, state] of Object.entries({ "saved by transformers": checkpoint(), "as published": published() })) {
    it(`${name} gives the logits of transformers`, () => {
      expectClose("logits", GPT.fromHuggingFace(config, state).forward(tensor(ids)), logits, 1e-4);
    });
  }

  it("takes the map that loadSafetensors gives, and says what is wrong with anything else", () => {
    const map = new Map(Object.entries(checkpoint()));
    expectClose("logits", GPT.fromHuggingFace(config, map).forward(tensor(ids)), logits, 1e-4);
    const wrong = (state: unknown) => () => GPT.fromHuggingFace(config, state as never);
    expect(wrong(undefined)).toThrow("GPT.fromHuggingFace: expected tensors by name, got undefined; pass what loadS");
    expect(wrong(Promise.resolve(map))).toThrow("GPT.fromHuggingFace: expected tensors by name, got a Promise; await");
    expect(wrong(new Map([["wte.weight", [1]]]))).toThrow(
      "GPT.fromHuggingFace: expected tensors by name, got an array of 1 number",
    );
    expect(wrong({ weights: 3 })).toThrow("got 3 as weights; pass what loadSafetensors gave");
  });

  it("generates what transformers generates", async () => {
    const model = GPT.fromHuggingFace(config, checkpoint());
    expect(await generate(model, ids[0], { tokens: 8, temperature: 0 })).toEqual(greedy);
  });

  it("is written as it was read", () => {
    const original = checkpoint();
    const { config: written, state } = GPT.fromHuggingFace(config, original).toHuggingFace();
    expect(Object.keys(state).sort()).toEqual(Object.keys(original).sort());
    for (const [name, tensor] of Object.entries(original)) {
      expect(state[name].requiresGrad, name).toBe(false);
      expect(state[name].toArray(), name).toEqual(tensor.toArray());
    }
    for (const [key, value] of Object.entries(written)) {
      if (key in config && key !== "architectures" && key !== "torch_dtype" && !key.endsWith("pdrop"))
        expect(value, key).toEqual(config[key]);
    }
    expect(GPT.fromHuggingFace(written, state).forward(tensor(ids)).shape).toEqual([2, 7, 48]);
  });

  it("is refused where it is another or broken, with everything that is wrong", () => {
    const attempt = (change: object) => () => GPT.fromHuggingFace({ ...config, ...change }, checkpoint());
    expect(attempt({ model_type: "bert" })).toThrow('model_type "gpt2", got bert');
    expect(attempt({ activation_function: "relu" })).toThrow("activation_function gelu_new, got relu");
    expect(attempt({ n_inner: 100 })).toThrow("n_inner");
    expect(attempt({ n_layer: undefined })).toThrow("without n_layer");
    expect(attempt({ n_head: 3 })).toThrow("a width that the heads divide");
    expect(() => GPT.fromHuggingFace(null, {})).toThrow("config.json");
    const state = published();
    delete state["wpe.weight"];
    state["h.0.mlp.c_fc.weight"] = zeros(64, 16);
    state["h.7.ln_1.weight"] = zeros(16);
    const broken = () => GPT.fromHuggingFace(config, state);
    expect(broken).toThrow("missing: wpe.weight");
    expect(broken).toThrow("unexpected: h.7.ln_1.weight");
    expect(broken).toThrow("misshapen: h.0.mlp.c_fc.weight (f32[64,16] for f32[16,64])");
  });
});
