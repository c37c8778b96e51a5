// The decoder of the Transformer as PyTorch's modules: a layer that also looks at a memory, and a stack of its copies.

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

/** The arguments of torch's decoder and its layers behind tgt and memory; masks as in `EncoderLayerCall`. */
export interface DecoderCall {
  /** [T,T] or [B H,T,T], of the self-attention. */
  tgtMask?: Tensor | null;
  /** [T,S] or [B H,T,S], of the attention to the memory. */
  memoryMask?: Tensor | null;
  /** [B,T], or [T] without a batch. */
  tgtKeyPaddingMask?: Tensor | null;
  /** [B,S], or [S] without a batch. */
  memoryKeyPaddingMask?: Tensor | null;
  /** Each position looks at itself and what is before it. Beside a mask it is torch's hint that the mask says so; the mask counts. */
  tgtIsCausal?: boolean;
  /** The same for the memory. */
  memoryIsCausal?: boolean;
}

/** @internal */
export const DECODER_CALL: OptionTable<DecoderCall> = {
  tgtMask: orNull(TENSOR),
  memoryMask: orNull(TENSOR),
  tgtKeyPaddingMask: orNull(TENSOR),
  memoryKeyPaddingMask: orNull(TENSOR),
  tgtIsCausal: FLAG,
  memoryIsCausal: FLAG,
};

/** A module that can stand in a `TransformerDecoder`. */
export type DecoderLayer = Module & { forward(tgt: Tensor, memory: Tensor, call?: DecoderCall): Tensor };

/**
 * Self-attention, attention to a memory, then a feed-forward network, each added to the residual and normalised:
 * torch.nn.TransformerDecoderLayer (Vaswani et al. 2017, section 3.1).
 *
 * As in torch, nothing hides what follows unless a mask or `tgtIsCausal` says so.
 * @param dModel C, the width of the residual and of the memory
 * @param nhead H
 * @throws HeedError for sizes that are not whole and at least 1, a dModel that nhead does not divide, a dropout outside [0,1], and another
 * activation; when called, as `MultiheadAttention`
 * @example
 * const layer = new TransformerDecoderLayer(64, 4, { dimFeedforward: 128, batchFirst: true });
 * const mixed = layer.forward(randn(2, 3, 64), randn(2, 5, 64), { tgtIsCausal: true });   // f32[2,3,64], B=2 T=3 S=5 C=64
 */
export class TransformerDecoderLayer extends Module {
  selfAttn: MultiheadAttention;
  multiheadAttn: MultiheadAttention;
  linear1: Linear;
  dropout: Dropout;
  linear2: Linear;
  norm1: LayerNorm;
  norm2: LayerNorm;
  norm3: LayerNorm;
  dropout1: Dropout;
  dropout2: Dropout;
  dropout3: Dropout;
  readonly normFirst: boolean;
  readonly activation: (x: Tensor) => Tensor;

  constructor(dModel: number, nhead: number, options: TransformerLayerOptions = {}) {
    super();
    const { dimFeedforward, layerNormEps: eps, ...settings } = layerSettings("TransformerDecoderLayer", options);
    const { dropout, bias, batchFirst } = settings;
    checkHeads("TransformerDecoderLayer", ["dModel", dModel], ["nhead", nhead]);
    checkSizes("TransformerDecoderLayer", { dimFeedforward });
    this.selfAttn = new MultiheadAttention(dModel, nhead, { dropout, bias, batchFirst });
    this.multiheadAttn = new MultiheadAttention(dModel, nhead, { dropout, bias, batchFirst });
    this.linear1 = new Linear(dModel, dimFeedforward, { bias });
    this.dropout = new Dropout(dropout);
    this.linear2 = new Linear(dimFeedforward, dModel, { bias });
    this.norm1 = new LayerNorm(dModel, { eps, bias });
    this.norm2 = new LayerNorm(dModel, { eps, bias });
    this.norm3 = new LayerNorm(dModel, { eps, bias });
    this.dropout1 = new Dropout(dropout);
    this.dropout2 = new Dropout(dropout);
    this.dropout3 = new Dropout(dropout);
    this.normFirst = settings.normFirst;
    this.activation = settings.activation;
  }

  override stateNames(): Readonly<Record<string, string>> {
    return { selfAttn: "self_attn", multiheadAttn: "multihead_attn" };
  }

  /** tgt [T,B,C] and memory [S,B,C], with `batchFirst` [B,T,C] and [B,S,C], or [T,C] and [S,C]: the shape of tgt. */
  forward(tgt: Tensor, memory: Tensor, call: DecoderCall = {}): Tensor {
    checkTensor("TransformerDecoderLayer", "tgt", tgt);
    checkTensor("TransformerDecoderLayer", "memory", memory);
    checkOptions("TransformerDecoderLayer", call, DECODER_CALL);
    if (this.normFirst) {
      let x = tgt.add(this.attendToSelf(this.norm1.forward(tgt), call));
      x = x.add(this.attendToMemory(this.norm2.forward(x), memory, call));
      return x.add(this.feedForward(this.norm3.forward(x)));
    }
    let x = this.norm1.forward(tgt.add(this.attendToSelf(tgt, call)));
    x = this.norm2.forward(x.add(this.attendToMemory(x, memory, call)));
    return this.norm3.forward(x.add(this.feedForward(x)));
  }

  private attendToSelf(x: Tensor, { tgtMask, tgtKeyPaddingMask, tgtIsCausal }: DecoderCall): Tensor {
    const call = { attnMask: tgtMask, keyPaddingMask: tgtKeyPaddingMask, isCausal: tgtIsCausal, needWeights: false };
    const [mixed] = this.selfAttn.forward(x, x, x, call);
    return this.dropout1.forward(mixed);
  }

  private attendToMemory(x: Tensor, memory: Tensor, call: DecoderCall): Tensor {
    const { memoryMask: attnMask, memoryKeyPaddingMask: keyPaddingMask, memoryIsCausal: isCausal } = call;
    const masks = { attnMask, keyPaddingMask, isCausal, needWeights: false };
    const [mixed] = this.multiheadAttn.forward(x, memory, memory, masks);
    return this.dropout2.forward(mixed);
  }

  private feedForward(x: Tensor): Tensor {
    const hidden = this.dropout.forward(this.activation(this.linear1.forward(x)));
    return this.dropout3.forward(this.linear2.forward(hidden));
  }
}

/**
 * `numLayers` copies of a layer, one after another, and a last norm where given: torch.nn.TransformerDecoder.
 *
 * The copies begin with the same numbers, as in torch: initialise them anew where that is not wanted (`Transformer` does).
 * @throws HeedError for a numLayers that is not whole and at least 1
 * @example
 * const layer = new TransformerDecoderLayer(64, 4, { batchFirst: true });
 * const decoder = new TransformerDecoder(layer, 6, new LayerNorm(64));
 * const mixed = decoder.forward(randn(2, 3, 64), randn(2, 5, 64), { tgtIsCausal: true });   // f32[2,3,64], B=2 T=3 S=5 C=64
 */
export class TransformerDecoder extends Module {
  layers: ModuleList<DecoderLayer>;
  norm: Layer | null;

  constructor(
    decoderLayer: DecoderLayer,
    readonly numLayers: number,
    norm: Layer | null = null,
  ) {
    super();
    if (norm !== null) checkModule("TransformerDecoder", "norm as a module", norm);
    this.layers = copiesOf("TransformerDecoder", decoderLayer, numLayers);
    this.norm = norm;
  }

  /** tgt [T,B,C] and memory [S,B,C], with `batchFirst` [B,T,C] and [B,S,C], or [T,C] and [S,C]: the shape of tgt. */
  forward(tgt: Tensor, memory: Tensor, call: DecoderCall = {}): Tensor {
    checkTensor("TransformerDecoder", "tgt", tgt);
    checkTensor("TransformerDecoder", "memory", memory);
    checkOptions("TransformerDecoder", call, DECODER_CALL);
    const x = [...this.layers].reduce((x, layer) => layer.forward(x, memory, call), tgt);
    return this.norm ? this.norm.forward(x) : x;
  }
}
