// One query, heads sharing keys, a long cache: how near reading keys and values comes to what memory gives a plain copy.

import { attention, compile, manualSeed, randn, type Tensor } from "heed";
import { contest, type Table } from "../lib/contest.js";
import { threads } from "../lib/machine.js";
import { sizes } from "./sizes.js";

export async function measureDecode(table: Table): Promise<void> {
  const { S, H, keyHeads, D, layers } = sizes.decode;
  const bytes = 2 * keyHeads * S * D * 4;
  const work = `decode, S=${S}, ${H} heads on ${keyHeads}, D=${D}`;
  const caches = draw();
  const mix = compile((query: Tensor, key: Tensor, value: Tensor) => attention(query, key, value));
  let calls = 0;
  const copy = (threads: number) => ({
    case: { name: "copy", arguments: { moved: bytes, buffers: layers, threads } },
    least: 0.8,
  });
  await contest(table, {
    work: `${work}: keys and values read`,
    rate: { amount: bytes / 1e9, unit: "GB/s" },
    heed: () => {
      const { query, key, value } = caches[calls++ % layers];
      return mix(query, key, value);
    },
    rivals: {
      "plain copy, memcpy": copy(threads),
      "plain copy, Tensor.copy_": copy(0),
      "fused function, enable_gqa": {
        case: { name: "decode", arguments: { S, H, keyHeads, D, layers } },
        row: { work: `${work}: through one layer`, rate: { amount: 1, unit: "tokens/s" } },
      },
    },
  });

  /** Caches of as many layers, used in turn, so that none is still in the processor's when its turn comes. */
  function draw() {
    manualSeed(1);
    const query = randn(1, H, 1, D).evaluate();
    const [key, value] = [0, 1].map(() => randn(1, keyHeads, S, D).evaluate());
    return Array.from({ length: layers }, (_, layer) => {
      const [k, v] = [key, value].map((x) => x.mul(1 + layer / layers).evaluate());
      return { query, key: k, value: v };
    });
  }
}
