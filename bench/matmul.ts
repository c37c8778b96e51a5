// f32 matrix products: large ones against the processor's limit, small ones against the cost of a call; plain, and with either side
// transposed.

import { compile, randn, type Tensor } from "heed";
import { compare } from "./lib/compare.js";
import { quick } from "./lib/machine.js";
import { Peer } from "./lib/peer.js";
import { Report, versus } from "./lib/report.js";

const SMALL = [16, 32, 64, 128];
const LARGE = quick ? [256, 512] : [256, 512, 768, 1024, 1536, 2048];

const products = {
  none: (a: Tensor, b: Tensor) => a.matmul(b),
  left: (a: Tensor, b: Tensor) => a.transpose(0, 1).matmul(b),
  right: (a: Tensor, b: Tensor) => a.matmul(b.transpose(0, 1)),
};
const words = { none: "", left: ", left transposed", right: ", right transposed" };

const peer = await Peer.start("matmul.py");
const report = new Report("matmul", peer);
for (const size of [...SMALL, ...LARGE]) {
  for (const transposed of ["none", "left", "right"] as const) {
    const a = randn(size, size).evaluate();
    const b = randn(size, size).evaluate();
    const product = compile(products[transposed]);
    const result = await compare(peer, {
      // PyTorch's result is freed when the next call replaces it; so is this one.
      heed: () => product(a, b).dispose(),
      peers: { "torch.mm": { name: "mm", arguments: { size, transposed } } },
    });
    report.add({
      work: `${size}${words[transposed]}`,
      unit: "seconds",
      ...versus(result, "torch.mm"),
      target: { ratio: SMALL.includes(size) ? 1 : 0.9 },
      rate: SMALL.includes(size) ? undefined : { amount: (2 * size ** 3) / 1e9, unit: "GFLOP/s" },
    });
  }
}
peer?.close();
report.print();
