// What the attentions are told beside their tensors: a mask that is misspelt would otherwise be no mask.

import { fail } from "../base/errors.js";
import { remedyFor } from "../base/options.js";
import { shown } from "../base/show.js";

/** @internal @throws HeedError for a name that is not among `names` */
export function checkNames(op: string, what: string, names: readonly string[], given: object): void {
  for (const name of Object.keys(given))
    if (!names.includes(name)) fail(op, `${what} ${names.join(", ")}`, name, remedyFor(name, names));
}

/** @internal @throws HeedError unless a weight can be dropped with this probability, and another kept */
export function checkDropout(op: string, dropout: unknown): void {
  if (typeof dropout === "number" && dropout >= 0 && dropout < 1) return;
  fail(op, "a dropout from 0 to below 1", shown(dropout));
}
