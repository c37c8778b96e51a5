// Cases of windows: unfold, convolution, pooling and batch normalisation.

import { batchNorm } from "../../src/tensor/batch-norm.js";
import { conv1d, conv2d } from "../../src/tensor/convolution.js";
import * as p from "../../src/tensor/pooling.js";
import { type Case, cases } from "./case.js";

const UNFOLD: Case[] = [
  ...cases("unfold", (x) => x.unfold(1, 3, 1), "a.unfold(1, 3, 1)", ["f32[2,7]", "f32[5,3,2]@T", "f16[3,4]"]),
  ...cases("unfold", (x) => x.unfold(-1, 2, 2), "a.unfold(-1, 2, 2)", ["f32[7]", "f32[2,3,6]"]),
  ...cases("unfold", (x) => x.unfold(0, 2, 3), "a.unfold(0, 2, 3)", ["f32[9,2]", "f32[2]"]),
  ...cases("unfold", (x) => x.unfold(0, 4, 3).mul(2).sum(-1), "(a.unfold(0, 4, 3) * 2).sum(-1)", ["f32[17,3]"]),
  ...cases(
    "unfold",
    (x) => x.unfold(1, 3, 2).unfold(2, 2, 1).amax([-1, -2]),
    "a.unfold(1, 3, 2).unfold(2, 2, 1).amax((-1, -2))",
    ["f32[2,7,5]"],
  ),
  ...cases("unfold", (x) => x.unfold(0, 3, 2), "a.unfold(0, 3, 2)", ["i32[7,2]:whole"]),
];

const CONV1D: Case[] = [
  ...cases("conv1d", (x, w, b) => conv1d(x, w, b), "F.conv1d(a, b, c)", [
    ["f32[2,3,11]", "f32[5,3,3]", "f32[5]"],
    ["f32[3,11]", "f32[2,3,1]", "f32[2]"],
    ["f32[1,1,4]", "f32[1,1,4]", "f32[1]"],
    ["f16[2,3,11]", "f16[5,3,3]", "f16[5]"],
  ]),
  ...cases(
    "conv1d",
    (x, w) => conv1d(x, w, null, { stride: 2, padding: 3, dilation: 2 }),
    "F.conv1d(a, b, stride=2, padding=3, dilation=2)",
    [["f32[2,3,17]", "f32[4,3,4]"]],
  ),
  ...cases("conv1d", (x, w) => conv1d(x, w, null, { padding: "same" }), "F.conv1d(a, b, padding='same')", [
    ["f32[2,3,9]", "f32[4,3,4]"],
    ["f32[2,3,9]", "f32[4,3,5]"],
  ]),
  ...cases("conv1d", (x, w) => conv1d(x, w, null, { groups: 3, stride: 3 }), "F.conv1d(a, b, groups=3, stride=3)", [
    ["f32[2,3,17]", "f32[6,1,4]"],
    ["f32[2,6,17]", "f32[3,2,2]"],
  ]),
];

const CONV2D: Case[] = [
  ...cases("conv2d", (x, w, b) => conv2d(x, w, b), "F.conv2d(a, b, c)", [
    ["f32[2,3,6,7]", "f32[5,3,3,2]", "f32[5]"],
    ["f32[3,6,7]", "f32[4,3,1,1]", "f32[4]"],
    ["f32[2,3,5,6]@strided", "f32[4,3,3,3]", "f32[4]"],
    ["bf16[2,3,6,7]", "bf16[5,3,3,2]", "bf16[5]"],
    ["f16[1,3,6,7]", "f16[5,3,3,3]", "f16[5]"],
  ]),
  ...cases("conv2d", (x, w) => conv2d(x, w, null, { padding: 1 }), "F.conv2d(a, b, padding=1)", [
    ["f32[1,16,14,14]", "f32[32,16,3,3]"],
    ["f32[3,8,7,7]", "f32[20,8,3,3]"],
    ["f32[1,16,40,56]", "f32[8,16,3,3]"],
    ["f32[0,3,5,5]", "f32[2,3,3,3]"],
  ]),
  ...cases("conv2d", (x, w) => conv2d(x, w, null, { stride: 2, padding: 3 }), "F.conv2d(a, b, stride=2, padding=3)", [
    ["f32[1,3,33,32]", "f32[16,3,7,7]"],
    ["f32[2,2,5,5]", "f32[3,2,2,2]"],
  ]),
  ...cases(
    "conv2d",
    (x, w) => conv2d(x, w, null, { stride: [2, 1], padding: [0, 2], dilation: [1, 3] }),
    "F.conv2d(a, b, stride=(2, 1), padding=(0, 2), dilation=(1, 3))",
    [["f32[2,3,8,9]", "f32[5,3,3,2]"]],
  ),
  ...cases("conv2d", (x, w) => conv2d(x, w, null, { stride: 2 }), "F.conv2d(a, b, stride=2)", [
    ["f32[2,8,9,9]", "f32[12,8,1,1]"],
    ["f32[2,3,8,8]", "f32[6,3,2,2]"],
  ]),
  ...cases(
    "conv2d",
    (x, w, b) => conv2d(x, w, b, { groups: 2, padding: "same" }),
    "F.conv2d(a, b, c, groups=2, padding='same')",
    [
      ["f32[2,6,5,7]", "f32[4,3,4,3]", "f32[4]"],
      ["f32[1,2,9,9]", "f32[2,1,3,3]", "f32[2]"],
    ],
  ),
  ...cases(
    "conv2d",
    (x, w, b) =>
      conv2d(x, w, null, { padding: 1 })
        .add(b.reshape(-1, 1, 1))
        .relu()
        .add(x),
    "(F.conv2d(a, b, padding=1) + c.reshape(-1, 1, 1)).relu() + a",
    [["f32[2,4,6,6]", "f32[4,4,3,3]", "f32[4]"]],
  ),
  ...cases(
    "conv2d",
    (x, w) => conv2d(x, w, null, { stride: [3, 2], padding: [1, 3], dilation: [2, 4] }),
    "F.conv2d(a, b, stride=(3, 2), padding=(1, 3), dilation=(2, 4))",
    [["f32[2,3,11,9]", "f32[4,3,3,3]"]],
  ),
  ...cases("conv2d", (x, w) => conv2d(x, w, null, { stride: 4, padding: 2 }), "F.conv2d(a, b, stride=4, padding=2)", [
    ["f32[2,3,9,10]", "f32[4,3,5,6]"],
    ["f32[1,3,9,9]", "f32[4,3,4,2]"],
    ["f32[1,2,3,1]", "f32[2,2,1,3]"],
  ]),
];

const MODES: Case[] = (["reflect", "replicate", "circular"] as const).flatMap((mode) =>
  cases(
    "conv2d",
    (x, w) => conv2d(x, w, null, { padding: [2, 1], paddingMode: mode }),
    `F.conv2d(F.pad(a, (1, 1, 2, 2), mode='${mode}'), b)`,
    [["f32[2,3,5,6]", "f32[4,3,3,3]"]],
  ),
);

const POOLS: Case[] = [
  ...cases("maxPool1d", (x) => p.maxPool1d(x, 3), "F.max_pool1d(a, 3)", ["f32[2,3,11]", "f32[3,8]", "f16[2,2,9]"]),
  ...cases(
    "maxPool1d",
    (x) => p.maxPool1d(x, 2, { stride: 1, dilation: 3 }),
    "F.max_pool1d(a, 2, stride=1, dilation=3)",
    ["f32[2,3,11]"],
  ),
  ...cases(
    "maxPool2d",
    (x) => p.maxPool2d(x, 3, { stride: 2, padding: 1 }),
    "F.max_pool2d(a, 3, stride=2, padding=1)",
    ["f32[1,4,12,13]", "f32[2,3,7,5]", "f32[3,6,6]"],
  ),
  // Equal numbers: the gradient goes to the first.
  ...cases(
    "maxPool2d",
    (x) => p.maxPool2d(x, 3, { stride: 1 }),
    "F.max_pool2d(a, 3, stride=1)",
    [["f32[2,5,6]:whole"]],
    {
      smooth: false,
    },
  ),
  ...cases("maxPool2d", (x) => p.maxPool2d(x.relu(), 2), "F.max_pool2d(a.relu(), 2)", [["f32[1,2,6,6]"]], {
    smooth: false,
  }),
  ...cases(
    "maxPool2d",
    (x) => p.maxPool2d(x, 3, { stride: 2, padding: 1 }),
    "F.max_pool2d(a, 3, stride=2, padding=1)",
    [["f32[1,1,5,5]:special"]],
    { gradient: false },
  ),
  ...cases(
    "maxPool2d",
    (x) => p.maxPool2d(x, [3, 2], { stride: [2, 3], padding: [1, 0], ceilMode: true }),
    "F.max_pool2d(a, (3, 2), stride=(2, 3), padding=(1, 0), ceil_mode=True)",
    ["f32[2,3,8,9]", "f32[1,2,6,7]"],
  ),
  ...cases(
    "avgPool1d",
    (x) => p.avgPool1d(x, 3, { stride: 2, padding: 1 }),
    "F.avg_pool1d(a, 3, stride=2, padding=1)",
    ["f32[2,3,11]", "f32[3,8]"],
  ),
  ...cases("avgPool2d", (x) => p.avgPool2d(x, 2), "F.avg_pool2d(a, 2)", [
    "f32[2,3,7,6]",
    "f32[3,4,4]",
    "f16[2,3,6,6]",
    "bf16[1,2,5,5]",
  ]),
  ...cases(
    "avgPool2d",
    (x) => p.avgPool2d(x, 3, { stride: 2, padding: 1, countIncludePad: false }),
    "F.avg_pool2d(a, 3, stride=2, padding=1, count_include_pad=False)",
    ["f32[2,3,7,6]"],
  ),
  ...cases(
    "avgPool2d",
    (x) => p.avgPool2d(x, [3, 2], { stride: [2, 3], padding: [1, 0], ceilMode: true }),
    "F.avg_pool2d(a, (3, 2), stride=(2, 3), padding=(1, 0), ceil_mode=True)",
    ["f32[2,3,8,9]", "f32[1,2,6,7]"],
  ),
  ...cases(
    "avgPool2d",
    (x) => p.avgPool2d(x, 3, { stride: 1, divisorOverride: 5 }),
    "F.avg_pool2d(a, 3, stride=1, divisor_override=5)",
    ["f32[2,3,5,6]"],
  ),
  // Long windows are reduced, not combined element by element.
  ...cases(
    "maxPool1d",
    (x) => p.maxPool1d(x, 10, { stride: 3, padding: 4 }),
    "F.max_pool1d(a, 10, stride=3, padding=4)",
    ["f32[2,3,17]"],
  ),
  ...cases("avgPool2d", (x) => p.avgPool2d(x, [9, 2], { stride: 2 }), "F.avg_pool2d(a, (9, 2), stride=2)", [
    "f32[2,2,12,5]",
  ]),
  ...cases("adaptiveAvgPool1d", (x) => p.adaptiveAvgPool1d(x, 3), "F.adaptive_avg_pool1d(a, 3)", [
    "f32[2,3,11]",
    "f32[3,9]",
    "f32[1,2,2]",
  ]),
  ...cases("adaptiveAvgPool2d", (x) => p.adaptiveAvgPool2d(x, 1), "F.adaptive_avg_pool2d(a, 1)", [
    "f32[2,3,7,7]",
    "f32[3,5,4]",
    "bf16[2,3,7,7]",
  ]),
  ...cases("adaptiveAvgPool2d", (x) => p.adaptiveAvgPool2d(x, [3, 5]), "F.adaptive_avg_pool2d(a, (3, 5))", [
    "f32[2,3,7,12]",
    "f32[1,2,2,5]",
    "f16[1,2,7,7]",
  ]),
  ...cases("adaptiveAvgPool2d", (x) => p.adaptiveAvgPool2d(x, [null, 2]), "F.adaptive_avg_pool2d(a, (None, 2))", [
    "f32[2,3,4,7]",
  ]),
];

const BATCH_NORM: Case[] = [
  ...cases(
    "batchNorm",
    (x, m, v) => batchNorm(x, m.detach(), v.detach()),
    "F.batch_norm(a, b.detach(), c.detach())",
    [["f32[2,3,5]", "f32[3]", "f32[3]:positive"]],
    { smooth: false },
  ),
  ...cases(
    "batchNorm",
    (x, w, b) => batchNorm(x, w.detach(), w.detach().abs(), w, b, { eps: 0.1 }),
    "F.batch_norm(a, b.detach(), b.detach().abs(), b, c, eps=0.1)",
    [
      ["f32[2,3,4,5]", "f32[3]", "f32[3]"],
      ["f32[4,3]", "f32[3]", "f32[3]"],
    ],
    { smooth: false },
  ),
  ...cases(
    "batchNorm",
    (x, w, b) => batchNorm(x, null, null, w, b, { training: true }),
    "F.batch_norm(a, None, None, b, c, training=True)",
    [
      ["f32[2,3,4,5]", "f32[3]", "f32[3]"],
      ["f32[7,5]", "f32[5]", "f32[5]"],
      ["f32[2,3,9]", "f32[3]", "f32[3]"],
      ["bf16[4,3,5]", "bf16[3]", "bf16[3]"],
    ],
  ),
  ...cases(
    "batchNorm",
    (x) => batchNorm(x, null, null, null, null, { training: true }),
    "F.batch_norm(a, None, None, training=True)",
    ["f32[3,2,4]"],
  ),
];

export const WINDOWS: readonly Case[] = [...UNFOLD, ...CONV1D, ...CONV2D, ...MODES, ...POOLS, ...BATCH_NORM];
