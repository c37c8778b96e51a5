// The normalizer of a tokenizer.json: a rewriting of the text before it is cut. Qwen's is NFC; most files have none.

import { shown } from "../base/show.js";
import { asArray, asObject, unsupported } from "./check.js";

export type Normalizer = (text: string) => string;

const forms: readonly unknown[] = ["NFC", "NFD", "NFKC", "NFKD"];

/**
 * The normalizer, undefined where the file has none.
 * @throws HeedError for anything but Unicode's normal forms, alone or in a Sequence
 */
export function readNormalizer(value: unknown): Normalizer | undefined {
  if (value === null || value === undefined) return undefined;
  const settings = asObject(value, "normalizer");
  const steps = settings.type === "Sequence" ? asArray(settings.normalizers, "normalizer.normalizers") : [settings];
  const wanted = steps.map((step, i) => {
    const { type } = asObject(step, `normalizer.normalizers[${i}]`);
    if (!forms.includes(type)) unsupported(`the normalizer ${shown(type)}`);
    return type as "NFC" | "NFD" | "NFKC" | "NFKD";
  });
  if (wanted.length === 0) return undefined;
  return (text) => wanted.reduce((normal, form) => normal.normalize(form), text);
}
