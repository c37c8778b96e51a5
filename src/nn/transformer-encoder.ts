// The encoder of the Transformer as PyTorch's modules: a layer, and a stack of its copies. A block with fewer arguments and a pre-LN
// residual is in block.ts.

import { checkOptions, FLAG, type OptionTable, orNull } from "../base/options.js";
import { checkTensor, TENSOR } from "../tensor/check.js";
import type { Tensor } from "../tensor/tensor.js";
import { Dropout } from "./activations.js";
import { checkHeads, checkSizes } from "./check.js";
import type { Layer, ModuleList } from "./containers.js";
import { Linear } from "./linear.js";
import { checkModule, Module } from "./module.js";
import { MultiheadAttention } from "./multihead-attention.js";
import { LayerNorm } from "./norm.js";
import { copiesOf, layerSettings, type TransformerLayerOptions } from "./transformer-options.js";

/** The arguments of torch's encoder layer behind src. */
export interface EncoderLayerCall {
  /** [S,S] or [B H,S,S]: bool, true where a position may not look; or floats that are added to the scores. */
  srcMask?: Tensor | null;
  /** [B,S], or [S] without a batch: bool, true where a key is ignored; or floats that are added to the scores. */
  srcKeyPaddingMask?: Tensor | null;
  /** Each position looks at itself and what is before it. Beside a mask it is torch's hint that the mask says so; the mask counts. */
  isCausal?: boolean;
}

const ENCODER_LAYER_CALL: OptionTable<EncoderLayerCall> = {
  srcMask: orNull(TENSOR),
  srcKeyPaddingMask: orNull(TENSOR),
  isCausal: FLAG,
};

/** The arguments of torch's encoder behind src: those of a layer, the mask by a shorter name. */
export type EncoderCall = Omit<EncoderLayerCall, "srcMask"> & { mask?: Tensor | null };

const ENCODER_CALL: OptionTable<EncoderCall> = {
  mask: orNull(TENSOR),
  srcKeyPaddingMask: orNull(TENSOR),
  isCausal: FLAG,
};

/** A module that can stand in a `TransformerEncoder`. */
export type EncoderLayer = Module & { forward(src: Tensor, call?: EncoderLayerCall): Tensor };

/**
 * Self-attention, then a feed-forward network, each added to the residual and normalised: torch.nn.TransformerEncoderLayer (Vaswani et al.
 * 2017, section 3.1).
 *
 * In evaluation torch may take a short cut ("fast path", nested tensors) that leaves zeros at padded positions; here, as in torch's training,
 * every position is computed.
 * @param dModel C, the width of the residual
 * @param nhead H
 * @throws HeedError for sizes that are not whole and at least 1, a dModel that nhead does not divide, a dropout outside [0,1], and another
 * activation; when called, as `MultiheadAttention`
 * @example
 * const layer = new TransformerEncoderLayer(64, 4, { dimFeedforward: 128, batchFirst: true });
 * const mixed = layer.forward(randn(2, 5, 64), { isCausal: true });   // f32[2,5,64], B=2 S=5 C=64
 */
export class TransformerEncoderLayer extends Module {
  selfAttn: MultiheadAttention;
  linear1: Linear;
  dropout: Dropout;
  linear2: Linear;
  norm1: LayerNorm;
  norm2: LayerNorm;
  dropout1: Dropout;
  dropout2: Dropout;
  readonly normFirst: boolean;
  readonly activation: (x: Tensor) => Tensor;

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super();
    const { dimFeedforward, layerNormEps: eps, ...settings } = layerSettings("TransformerEncoderLayer", options);
    const { dropout, bias, batchFirst } = settings;
    checkHeads("TransformerEncoderLayer", ["dModel", dModel], ["nhead", nhead]);
    checkSizes("TransformerEncoderLayer", { dimFeedforward });
    this.selfAttn = new MultiheadAttention(dModel, nhead, { dropout, bias, batchFirst });
    this.linear1 = new Linear(dModel, dimFeedforward, { bias });
    this.dropout = new Dropout(dropout);
    this.linear2 = new Linear(dimFeedforward, dModel, { bias });
    this.norm1 = new LayerNorm(dModel, { eps, bias });
    this.norm2 = new LayerNorm(dModel, { eps, bias });
    this.dropout1 = new Dropout(dropout);
    this.dropout2 = new Dropout(dropout);
    this.normFirst = settings.normFirst;
    this.activation = settings.activation;
  }

  override stateNames(): Readonly<Record<string, string>> {
    return { selfAttn: "self_attn" };
  }

  /** src [S,B,C], with `batchFirst` [B,S,C], or [S,C]: the same shape. */
  forward(src: Tensor, call: EncoderLayerCall = {}): Tensor {
    checkTensor("TransformerEncoderLayer", "src", src);
    checkOptions("TransformerEncoderLayer", call, ENCODER_LAYER_CALL, { mask: "srcMask" });
    const { srcMask, srcKeyPaddingMask, isCausal } = call;
    const attend = (x: Tensor) => {
      const call = { attnMask: srcMask, keyPaddingMask: srcKeyPaddingMask, isCausal, needWeights: false };
      const [mixed] = this.selfAttn.forward(x, x, x, call);
      return this.dropout1.forward(mixed);
    };
    if (this.normFirst) {
      const x = src.add(attend(this.norm1.forward(src)));
      return x.add(this.feedForward(this.norm2.forward(x)));
    }
    const x = this.norm1.forward(src.add(attend(src)));
    return this.norm2.forward(x.add(this.feedForward(x)));
  }

  private feedForward(x: Tensor): Tensor {
    const hidden = this.dropout.forward(this.activation(this.linear1.forward(x)));
    return this.dropout2.forward(this.linear2.forward(hidden));
  }
}

/**
 * `numLayers` copies of a layer, one after another, and a last norm where given: torch.nn.TransformerEncoder.
 *
 * The copies begin with the same numbers, as in torch: initialise them anew where that is not wanted (`Transformer` does).
 * @throws HeedError for a numLayers that is not whole and at least 1
 * @example
 * const layer = new TransformerEncoderLayer(64, 4, { batchFirst: true });
 * const memory = new TransformerEncoder(layer, 6, new LayerNorm(64)).forward(randn(2, 5, 64));   // f32[2,5,64], B=2 S=5 C=64
 */
export class TransformerEncoder extends Module {
  layers: ModuleList<EncoderLayer>;
  norm: Layer | null;

  constructor(
    encoderLayer: EncoderLayer,
    readonly numLayers: number,
    norm: Layer | null = null,
  ) {
    super();
    if (norm !== null) checkModule("TransformerEncoder", "norm as a module", norm);
    this.layers = copiesOf("TransformerEncoder", encoderLayer, numLayers);
    this.norm = norm;
  }

  /** src [S,B,C], with `batchFirst` [B,S,C], or [S,C]: the same shape. */
  forward(src: Tensor, call: EncoderCall = {}): Tensor {
    checkTensor("TransformerEncoder", "src", src);
    checkOptions("TransformerEncoder", call, ENCODER_CALL, { srcMask: "mask" });
    const { mask, ...rest } = call;
    const x = [...this.layers].reduce((x, layer) => layer.forward(x, { srcMask: mask, ...rest }), src);
    return this.norm ? this.norm.forward(x) : x;
  }
}
