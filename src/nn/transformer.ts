// Encoder and decoder together: PyTorch's nn.Transformer. Embeddings, positions and the generator are left to the model around it.

import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, FLAG, kind, type OptionTable, orNull } from "../base/options.js";
import { describe } from "../base/shape.js";
import { checkTensor, TENSOR } from "../tensor/check.js";
import { causalMask } from "../tensor/create.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkHeads, checkProbability, checkSizes } from "./check.js";
import { xavierUniform_ } from "./init.js";
import { Module } from "./module.js";
import { LayerNorm } from "./norm.js";
import { DECODER_CALL, type DecoderCall, TransformerDecoder, TransformerDecoderLayer } from "./transformer-decoder.js";
import { type EncoderCall, TransformerEncoder, TransformerEncoderLayer } from "./transformer-encoder.js";
import { TRANSFORMER_LAYER, type TransformerLayerOptions } from "./transformer-options.js";

type Encoder = Module & { forward(src: Tensor, call?: EncoderCall): Tensor };
type Decoder = Module & { forward(tgt: Tensor, memory: Tensor, call?: DecoderCall): Tensor };

/** The arguments of torch's Transformer behind width and heads. */
export interface TransformerOptions extends TransformerLayerOptions {
  /** Layers of the encoder, 6. */
  numEncoderLayers?: number;
  /** Layers of the decoder, 6. */
  numDecoderLayers?: number;
  /** Stands in for the encoder. */
  customEncoder?: Encoder | null;
  /** Stands in for the decoder. */
  customDecoder?: Decoder | null;
}

const MODULE = kind<never>("a module", (x) => x instanceof Module);
const TRANSFORMER: OptionTable<TransformerOptions> = {
  numEncoderLayers: CHECKED, // first, as in torch: it is what an error about `new Transformer(512, 8, 6)` names
  numDecoderLayers: CHECKED,
  ...TRANSFORMER_LAYER,
  customEncoder: orNull(MODULE),
  customDecoder: orNull(MODULE),
};

/** The arguments of torch's forward behind src and tgt; masks as in `EncoderLayerCall`. */
export interface TransformerCall extends DecoderCall {
  /** [S,S] or [B H,S,S], of the encoder. */
  srcMask?: Tensor | null;
  /** [B,S], or [S] without a batch: the padding of src. The decoder sees the memory's padding only by `memoryKeyPaddingMask`. */
  srcKeyPaddingMask?: Tensor | null;
  /** Each position of src looks at itself and what is before it. */
  srcIsCausal?: boolean;
}

const TRANSFORMER_CALL: OptionTable<TransformerCall> = {
  ...DECODER_CALL,
  srcMask: orNull(TENSOR),
  srcKeyPaddingMask: orNull(TENSOR),
  srcIsCausal: FLAG,
};

/**
 * The Transformer without embeddings and generator: torch.nn.Transformer (Vaswani et al. 2017). Every weight is drawn by `xavierUniform_`,
 * each layer its own.
 * @param dModel C, the width of src, tgt and memory; 512
 * @param nhead H; 8
 * @throws HeedError for sizes that are not whole and at least 1, a dModel that nhead does not divide, a dropout outside [0,1], and another
 * activation; when called, for widths and batch sizes that differ, and as `MultiheadAttention`
 * @example
 * const model = new Transformer(64, 4, { numEncoderLayers: 2, numDecoderLayers: 2, dimFeedforward: 128, batchFirst: true });
 * const tgtMask = Transformer.generateSquareSubsequentMask(3);
 * const mixed = model.forward(randn(2, 5, 64), randn(2, 3, 64), { tgtMask });   // f32[2,3,64], B=2 S=5 T=3 C=64
 */
export class Transformer extends Module {
  encoder: Encoder;
  decoder: Decoder;
  readonly batchFirst: boolean;

  constructor(
    readonly dModel = 512,
    readonly nhead = 8,
    options: TransformerOptions = {},
  ) {
    super();
    checkOptions("Transformer", options, TRANSFORMER);
    const { numEncoderLayers = 6, numDecoderLayers = 6, customEncoder, customDecoder, ...layer } = options;
    checkProbability("Transformer", layer.dropout ?? 0.1);
    checkHeads("Transformer", ["dModel", dModel], ["nhead", nhead]);
    checkSizes("Transformer", { numEncoderLayers, numDecoderLayers });
    const norm = () => new LayerNorm(dModel, { eps: layer.layerNormEps, bias: layer.bias });
    this.encoder =
      customEncoder ??
      new TransformerEncoder(new TransformerEncoderLayer(dModel, nhead, layer), numEncoderLayers, norm());
    this.decoder =
      customDecoder ??
      new TransformerDecoder(new TransformerDecoderLayer(dModel, nhead, layer), numDecoderLayers, norm());
    for (const parameter of this.parameters()) if (parameter.ndim > 1) xavierUniform_(parameter);
    this.batchFirst = layer.batchFirst ?? false;
  }

  /** src [S,B,C] and tgt [T,B,C], with `batchFirst` [B,S,C] and [B,T,C], or [S,C] and [T,C]: the shape of tgt. */
  forward(src: Tensor, tgt: Tensor, call: TransformerCall = {}): Tensor {
    checkTensor("Transformer", "src", src);
    checkTensor("Transformer", "tgt", tgt);
    checkOptions("Transformer", call, TRANSFORMER_CALL);
    const { srcMask: mask, srcKeyPaddingMask, srcIsCausal: isCausal, ...rest } = call;
    const got = `src ${describe(src)}, tgt ${describe(tgt)}`;
    const batch = this.batchFirst ? 0 : 1;
    if (src.ndim === 3 && src.shape[batch] !== tgt.shape[batch])
      fail("Transformer", `src and tgt with one batch size, at axis ${batch}`, got);
    if (src.shape.at(-1) !== this.dModel || tgt.shape.at(-1) !== this.dModel)
      fail("Transformer", `src and tgt of width ${this.dModel}`, got);
    const memory = this.encoder.forward(src, { mask, srcKeyPaddingMask, isCausal });
    return this.decoder.forward(tgt, memory, rest);
  }

  /**
   * The mask by which each of `size` positions sees itself and what is before it: 0 where it may look, -Infinity elsewhere, f32[size,size].
   * `causalMask` is the same.
   */
  static generateSquareSubsequentMask(size: number): Tensor {
    return causalMask(size);
  }
}
