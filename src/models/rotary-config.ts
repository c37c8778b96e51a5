// Rotary embeddings as config.json of a Hugging Face folder describes them, in its old words (rope_theta, rope_scaling) and its new ones
// (rope_parameters, also one set for each kind of layer).

import { fail } from "../base/errors.js";
import { checkOptions, kind, oneOf } from "../base/options.js";
import { RotaryEmbedding, type RotaryOptions } from "../nn/rotary.js";
import type { RotaryScaling } from "../nn/rotary-frequencies.js";

type Json = Readonly<Record<string, unknown>>;

/**
 * The rotary embedding of a model of transformers.
 * @param config the contents of config.json
 * @param options.layerType which set to take where there is one for each kind of layer, such as "sliding_attention"
 * @param options.pairs how the model's code pairs numbers, which no configuration says; "halves"
 * @throws HeedError for a configuration without the sizes of heads, and for scaling of another kind
 * @example const turn = rotaryFromConfig({ hidden_size: 64, num_attention_heads: 4, rope_theta: 500000 });
 */
export function rotaryFromConfig(
  config: unknown,
  options: { layerType?: string; pairs?: RotaryOptions["pairs"] } = {},
): RotaryEmbedding {
  checkOptions("rotaryFromConfig", options, {
    layerType: kind<string>("a string", (x) => typeof x === "string"),
    pairs: oneOf("halves", "interleaved"),
  });
  const json = object("a configuration", config);
  const parameters = parametersOf(json, options.layerType);
  const headWidth = optional(json, "head_dim") ?? number(json, "hidden_size") / number(json, "num_attention_heads");
  if (!Number.isInteger(headWidth) || headWidth < 1)
    fail("rotaryFromConfig", "heads that divide hidden_size, or head_dim", `a head width of ${headWidth}`);
  const base = optional(parameters, "rope_theta", json) ?? optional(json, "rotary_emb_base") ?? 10000;
  const share = optional(parameters, "partial_rotary_factor", json) ?? optional(json, "rotary_pct") ?? 1;
  const scaling = scalingOf(json, parameters, share);
  const part = optional(json, "rotary_dim") ?? Math.trunc(headWidth * share);
  const width = scaling?.kind === "proportional" ? headWidth : part;
  return new RotaryEmbedding(headWidth, { width, base, scaling, pairs: options.pairs });
}

/** The set for this kind of layer, or the one for all. */
function parametersOf(json: Json, layerType?: string): Json {
  const all = object("rope_parameters", json.rope_parameters ?? json.rope_scaling ?? {});
  const kinds = Object.keys(all).filter((name) => typeof all[name] === "object" && /_attention$/.test(name));
  if (kinds.length === 0) return all;
  if (layerType === undefined || !kinds.includes(layerType))
    fail("rotaryFromConfig", `a layerType of ${kinds.join(" or ")}`, String(layerType));
  return object(`rope_parameters of ${layerType}`, all[layerType]);
}

function scalingOf(json: Json, parameters: Json, share: number): RotaryScaling | null {
  const kind = String(parameters.rope_type ?? parameters.type ?? "default");
  const need = (name: string) => number(parameters, name);
  const may = (name: string) => optional(parameters, name);
  const longest = () => number(json, "max_position_embeddings");
  const trained = () =>
    optional(json, "original_max_position_embeddings") ?? may("original_max_position_embeddings") ?? longest();
  const stretch = () => may("factor") ?? longest() / trained();
  switch (kind) {
    case "default":
      return null;
    case "linear":
      return { kind, factor: need("factor") };
    case "dynamic":
      return { kind, factor: need("factor"), context: longest() };
    case "yarn":
      return {
        kind,
        factor: stretch(),
        context: trained(),
        betaFast: may("beta_fast"),
        betaSlow: may("beta_slow"),
        attentionFactor: may("attention_factor"),
        mscale: may("mscale"),
        mscaleAllDim: may("mscale_all_dim"),
        truncate: parameters.truncate !== false,
      };
    case "llama3":
      return {
        kind,
        factor: need("factor"),
        context: trained(),
        lowFrequencyFactor: need("low_freq_factor"),
        highFrequencyFactor: need("high_freq_factor"),
      };
    case "longrope":
    case "su":
      return {
        kind: "longrope",
        context: trained(),
        shortFactors: list(parameters, "short_factor"),
        longFactors: list(parameters, "long_factor"),
        factor: stretch(),
        attentionFactor: may("attention_factor"),
      };
    case "proportional":
      return { kind, share, factor: may("factor") };
    default:
      return fail(
        "rotaryFromConfig",
        "a rope_type of default, linear, dynamic, yarn, llama3, longrope or proportional",
        kind,
      );
  }
}

function object(what: string, x: unknown): Json {
  if (typeof x === "object" && x !== null && !Array.isArray(x)) return x as Json;
  return fail("rotaryFromConfig", `${what} as an object`, x === null ? "null" : typeof x);
}

/** The number of this name, here or, in older files, in `elsewhere`. */
function optional(json: Json, name: string, elsewhere: Json = json): number | undefined {
  const x = json[name] ?? elsewhere[name];
  if (x === undefined || x === null) return undefined;
  return typeof x === "number" ? x : fail("rotaryFromConfig", `${name} as a number`, typeof x);
}

function number(json: Json, name: string): number {
  return optional(json, name) ?? fail("rotaryFromConfig", `${name} as a number`, "none");
}

function list(json: Json, name: string): number[] {
  const x = json[name];
  if (Array.isArray(x) && x.every((n) => typeof n === "number")) return x;
  return fail("rotaryFromConfig", `${name} as numbers`, Array.isArray(x) ? "other items" : typeof x);
}
