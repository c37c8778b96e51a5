// Residual networks for images (He et al. 2016), with the stride in the convolution of 3 x 3 as torchvision has it (ResNet v1.5), its
// order of construction, and its names in state dicts: its weights load as they are.

import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, type OptionTable } from "../base/options.js";
import { shown } from "../base/show.js";
import { BatchNorm2d } from "../nn/batch-norm.js";
import { checkSizes } from "../nn/check.js";
import { Sequential } from "../nn/containers.js";
import { Conv2d } from "../nn/convolution.js";
import { kaimingNormal_ } from "../nn/init.js";
import { Linear } from "../nn/linear.js";
import { Module } from "../nn/module.js";
import { AdaptiveAvgPool2d, MaxPool2d } from "../nn/pooling.js";
import type { Tensor } from "../tensor/tensor.js";

/** How much wider the output of a block is than its middle. */
const EXPANSION = 4;

/**
 * Convolutions 1 x 1 that narrows, 3 x 3, 1 x 1 that widens, added to the residual: [B,inputs,H,W] to [B,4 width,H/stride,W/stride].
 * @example new Bottleneck(256, 64, 1, null).forward(randn(1, 256, 56, 56))   // f32[1,256,56,56]
 */
export class Bottleneck extends Module {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  conv2: Conv2d;
  bn2: BatchNorm2d;
  conv3: Conv2d;
  bn3: BatchNorm2d;
  /** Makes the residual fit where the block changes its shape. */
  downsample: Sequential | null;

  constructor(inputs: number, width: number, stride: number, downsample: Sequential | null) {
    super();
    this.conv1 = new Conv2d(inputs, width, 1, { bias: false });
    this.bn1 = new BatchNorm2d(width);
    this.conv2 = new Conv2d(width, width, 3, { stride, padding: 1, bias: false });
    this.bn2 = new BatchNorm2d(width);
    this.conv3 = new Conv2d(width, width * EXPANSION, 1, { bias: false });
    this.bn3 = new BatchNorm2d(width * EXPANSION);
    this.downsample = downsample;
  }

  forward(x: Tensor): Tensor {
    let y = this.bn1.forward(this.conv1.forward(x)).relu();
    y = this.bn2.forward(this.conv2.forward(y)).relu();
    y = this.bn3.forward(this.conv3.forward(y));
    return y.add(this.downsample?.forward(x) ?? x).relu();
  }
}

/** The sizes of a `ResNet`. */
export interface ResNetOptions {
  /** Blocks in each of the four stages; [3, 4, 6, 3], which makes ResNet-50. */
  blocks?: readonly number[];
  /** 1000 */
  classes?: number;
  /** Channels of the images; 3. */
  channels?: number;
  /** Channels of the first stage's blocks inside, doubled from stage to stage; 64. */
  width?: number;
}

const RESNET: OptionTable<ResNetOptions> = { blocks: CHECKED, classes: CHECKED, channels: CHECKED, width: CHECKED };
const REMEDIES = { layers: "blocks", numClasses: "classes", inChannels: "channels" };

/**
 * A residual network of bottleneck blocks: images [B,3,H,W] to logits [B,classes]. ResNet-50 unless told otherwise, 25,557,032 parameters.
 * @throws HeedError for sizes that are not whole and at least 1, and for other than four stages; when called, as `Conv2d`
 * @example new ResNet().eval().forward(randn(1, 3, 224, 224))   // [1,1000]
 */
export class ResNet extends Module {
  conv1: Conv2d;
  bn1: BatchNorm2d;
  maxpool: MaxPool2d;
  layer1: Sequential;
  layer2: Sequential;
  layer3: Sequential;
  layer4: Sequential;
  avgpool: AdaptiveAvgPool2d;
  fc: Linear;

  constructor(options: ResNetOptions = {}) {
    super();
    checkOptions("ResNet", options, RESNET, REMEDIES);
    const { blocks = [3, 4, 6, 3], classes = 1000, channels = 3, width = 64 } = options;
    checkSizes("ResNet", { classes, channels, width });
    if (!Array.isArray(blocks) || blocks.length !== 4 || !blocks.every((n) => Number.isInteger(n) && n >= 1))
      fail("ResNet", "the numbers of blocks in four stages", Array.isArray(blocks) ? `[${blocks}]` : shown(blocks));
    this.conv1 = new Conv2d(channels, width, 7, { stride: 2, padding: 3, bias: false });
    this.bn1 = new BatchNorm2d(width);
    this.maxpool = new MaxPool2d(3, { stride: 2, padding: 1 });
    const wide = width * EXPANSION;
    this.layer1 = stage(width, width, blocks[0], 1);
    this.layer2 = stage(wide, 2 * width, blocks[1], 2);
    this.layer3 = stage(2 * wide, 4 * width, blocks[2], 2);
    this.layer4 = stage(4 * wide, 8 * width, blocks[3], 2);
    this.avgpool = new AdaptiveAvgPool2d(1);
    this.fc = new Linear(8 * wide, classes);
    for (const module of this.modules())
      if (module instanceof Conv2d) kaimingNormal_(module.weight, { mode: "fanOut", nonlinearity: "relu" });
  }

  forward(images: Tensor): Tensor {
    let x = this.bn1.forward(this.conv1.forward(images)).relu(); // [B,64,H/2,W/2]
    x = this.maxpool.forward(x); // [B,64,H/4,W/4]
    for (const layer of [this.layer1, this.layer2, this.layer3, this.layer4]) x = layer.forward(x);
    return this.fc.forward(this.avgpool.forward(x).flatten(1)); // [B,classes]
  }
}

function stage(inputs: number, width: number, count: number, stride: number): Sequential {
  const outputs = width * EXPANSION;
  const downsample =
    stride !== 1 || inputs !== outputs
      ? new Sequential(new Conv2d(inputs, outputs, 1, { stride, bias: false }), new BatchNorm2d(outputs))
      : null;
  const first = new Bottleneck(inputs, width, stride, downsample);
  const rest = Array.from({ length: count - 1 }, () => new Bottleneck(outputs, width, 1, null));
  return new Sequential(first, ...rest);
}
