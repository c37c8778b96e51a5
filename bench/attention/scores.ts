// Masks and changed scores: a sliding window, ALiBi, and a soft cap, each causal. PyTorch's way is a mask tensor where one will do, and
// flex_attention; eager is how it runs without a C++ compiler.

import { type AttentionOptions, attention, compile, type Tensor, tensor } from "heed";
import { type Contest, contest, type Rival, type Table } from "../lib/contest.js";
import type { Arguments } from "../lib/peer.js";
import { sizes } from "./sizes.js";
import { draw } from "./texts.js";

const { heads: H, width: D } = sizes;
const CAP = 5;

export async function measureWindow(table: Table): Promise<void> {
  const { T, keys } = sizes.window;
  const options: AttentionOptions = { mask: { kind: "window", left: keys - 1 } };
  await measure(table, `window of ${keys} keys`, T, options, {
    "fused function, boolean mask": { case: { name: "window", arguments: { H, T, D, keys } }, least: 5 },
  });
}

export async function measureScores(table: Table): Promise<void> {
  const T = sizes.scored;
  const shape = { H, T, D };
  const causal = { kind: "causal" } as const;
  const flex = (name: string, more: Arguments): { [name: string]: Rival } => {
    const how = (compiled: boolean) => ({ name, arguments: { ...shape, ...more, compiled } });
    return {
      "flex_attention, eager": { case: how(false), least: 2 },
      "flex_attention, compiled": { case: how(true), optional: true },
    };
  };

  const slopes = tensor(Array.from({ length: H }, (_, h) => 2 ** ((-8 * (h + 1)) / H))).view(H, 1, 1);
  const alibi: AttentionOptions = { mask: causal, score: (scores, { t, s }) => scores.add(slopes.mul(s.sub(t))) };
  await measure(table, "ALiBi by score", T, alibi, {
    "fused function, added mask": { case: { name: "alibi_mask", arguments: shape }, least: 2 },
    ...flex("alibi", {}),
  });

  const softCap: AttentionOptions = { mask: causal, score: (scores) => scores.div(CAP).tanh().mul(CAP) };
  await measure(table, "soft cap by score", T, softCap, {
    "same text, eager": { case: { name: "soft_cap_text", arguments: { ...shape, cap: CAP } } },
    ...flex("soft_cap", { cap: CAP }),
  });
}

async function measure(
  table: Table,
  work: string,
  T: number,
  options: AttentionOptions,
  rivals: Contest["rivals"],
): Promise<void> {
  const [query, key, value] = draw(3, H, T, D);
  const mix = compile((query: Tensor, key: Tensor, value: Tensor) => attention(query, key, value, options));
  const pace = T > 1024 ? "long" : "middling";
  await contest(table, { work: `${work}, T=${T}`, heed: () => mix(query, key, value), rivals, pace });
}
