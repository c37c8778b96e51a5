// The textbook's text against the same text in PyTorch and against its fused function; then both passes.

import { compile } from "heed";
import { contest, type Table } from "../lib/contest.js";
import { sizes } from "./sizes.js";
import { bothPasses, draw, textbook } from "./texts.js";

const { heads: H, width: D } = sizes;
const paceOf = (T: number) => (T > 1024 ? "long" : "short");

export async function measureText(table: Table): Promise<void> {
  for (const { T, least } of sizes.text) {
    const [query, key, value] = draw(3, H, T, D);
    const same = { "same text, eager": { case: { name: "text", arguments: { H, T, D } }, least } };
    const fused = { "fused function": { case: { name: "fused", arguments: { H, T, D } }, least: 1.2 } };
    const mix = compile(textbook);
    await contest(table, {
      work: `text, T=${T}`,
      heed: () => mix(query, key, value),
      rivals: { ...(least === null ? {} : same), ...fused },
      pace: paceOf(T),
    });
    if (T !== sizes.text[0].T) continue;
    await contest(table, {
      work: `text, T=${T}, without compile`,
      heed: () => textbook(query, key, value).evaluate(),
      rivals: { "same text, eager": { ...same["same text, eager"], least: null } },
    });
  }
}

export async function measureBothPasses(table: Table): Promise<void> {
  for (const { T } of sizes.text) {
    const [query, key, value, seed] = draw(4, H, T, D);
    const passes = bothPasses();
    await contest(table, {
      work: `text, forward and backward, T=${T}`,
      heed: () => passes(query, key, value, seed),
      rivals: { "fused function": { case: { name: "both_passes", arguments: { H, T, D } }, least: 1.1 } },
      pace: paceOf(T),
    });
  }
}
