// A layer of self-attention of the size a lesson prints: nothing but the cost of a call.

import { compile, manualSeed, randn, type Tensor } from "heed";
import { Linear, Module } from "heed/nn";
import { contest, type Table } from "../lib/contest.js";
import { textbook } from "./texts.js";

const [B, T, C, HEADS] = [2, 6, 16, 2];

class SelfAttention extends Module {
  queryKeyValue = new Linear(C, 3 * C);
  output = new Linear(C, C);

  forward(x: Tensor): Tensor {
    const parts = this.queryKeyValue.forward(x).split(C, 2); //                                       [B,T,C] each
    const [query, key, value] = parts.map((part) => part.view(B, T, HEADS, C / HEADS).transpose(1, 2)); // [B,H,T,D]
    return this.output.forward(textbook(query, key, value).transpose(1, 2).reshape(B, T, C));
  }
}

export async function measureLayer(table: Table): Promise<void> {
  manualSeed(1);
  const layer = new SelfAttention();
  const x = randn(B, T, C).evaluate();
  const forward = compile((x: Tensor) => layer.forward(x));
  const rival = (fused: boolean) => ({ name: "layer", arguments: { B, T, C, heads: HEADS, fused } });
  await contest(table, {
    work: `a layer, B=${B} T=${T} C=${C}, ${HEADS} heads, forward`,
    heed: () => forward(x),
    rivals: {
      "same text, eager": { case: rival(false), least: 20 },
      "fused function, eager": { case: rival(true) },
    },
  });
}
