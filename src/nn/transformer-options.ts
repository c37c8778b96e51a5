// What the layers of torch's Transformer have in common: their arguments, the feed-forward network's activation, and how they are stacked.

import { fail } from "../base/errors.js";
import { CHECKED, checkOptions, EPSILON, FLAG, type OptionTable } from "../base/options.js";
import { shown } from "../base/show.js";
import type { Tensor } from "../tensor/tensor.js";
import { checkLayers, checkProbability } from "./check.js";
import { ModuleList } from "./containers.js";
import { deepCopy } from "./deep-copy.js";
import { checkModule, type Module } from "./module.js";

/** A function of each element, by name or as such: `(x) => x.silu()`. */
export type Activation = "relu" | "gelu" | ((x: Tensor) => Tensor);

/** The arguments of torch's layers behind width and heads. */
export interface TransformerLayerOptions {
  /** Width of the feed-forward network, 2048. */
  dimFeedforward?: number;
  /** Probability of all dropouts, 0.1: on the attention weights, inside the feed-forward network, behind each sublayer. */
  dropout?: number;
  /** Between the two layers of the feed-forward network; "relu". */
  activation?: Activation;
  /** Added to the variance by each LayerNorm; 1e-5. */
  layerNormEps?: number;
  /** Tensors are [B,T,C] instead of PyTorch's default [T,B,C]. */
  batchFirst?: boolean;
  /** LayerNorm before each sublayer (Xiong et al. 2020), not behind the residual (Vaswani et al. 2017). */
  normFirst?: boolean;
  /** Whether projections and LayerNorms add a bias; true. */
  bias?: boolean;
}

/** @internal */
export const TRANSFORMER_LAYER: OptionTable<TransformerLayerOptions> = {
  dimFeedforward: CHECKED,
  dropout: CHECKED,
  activation: CHECKED,
  layerNormEps: EPSILON,
  batchFirst: FLAG,
  normFirst: FLAG,
  bias: FLAG,
};

export interface LayerSettings extends Required<Omit<TransformerLayerOptions, "activation">> {
  readonly activation: (x: Tensor) => Tensor;
}

/** torch's defaults filled in. @throws HeedError for other options, a dropout outside [0,1], and another activation */
export function layerSettings(op: string, options: TransformerLayerOptions): LayerSettings {
  checkOptions(op, options, TRANSFORMER_LAYER);
  const { dimFeedforward = 2048, dropout = 0.1, activation = "relu", layerNormEps = 1e-5 } = options;
  const { batchFirst = false, normFirst = false, bias = true } = options;
  checkProbability(op, dropout);
  const settings = { dimFeedforward, dropout, layerNormEps, batchFirst, normFirst, bias };
  return { ...settings, activation: activationOf(op, activation) };
}

function activationOf(op: string, activation: Activation): (x: Tensor) => Tensor {
  if (typeof activation === "function") return activation;
  if (activation === "relu") return (x) => x.relu();
  if (activation === "gelu") return (x) => x.gelu();
  return fail(op, 'activation "relu", "gelu" or a function of a tensor', shown(activation));
}

/** A layer as many times, all with its numbers. @throws HeedError for what is no module, and a numLayers that is not whole and at least 1 */
export function copiesOf<M extends Module>(op: string, layer: M, numLayers: number): ModuleList<M> {
  checkModule(op, "a layer", layer);
  checkLayers(op, numLayers);
  return new ModuleList(Array.from({ length: numLayers }, () => deepCopy(layer)));
}
