// Samples to a batch: torch.utils.data.default_collate.

import { fail } from "../base/errors.js";
import { describe, sameShape } from "../base/shape.js";
import { shown } from "../base/show.js";
import type { NestedNumbers } from "../tensor/core.js";
import { tensor } from "../tensor/create.js";
import { stack } from "../tensor/functions.js";
import { Tensor } from "../tensor/tensor.js";

type NumberArray = Float32Array | Float64Array | Int32Array | Uint8Array | Uint16Array;

/** What `defaultCollate` makes of samples of type S. */
export type Collated<S> = S extends Tensor | number | boolean | bigint | NumberArray
  ? Tensor
  : S extends string
    ? string[]
    : { [K in keyof S]: Collated<S[K]> };

/**
 * Samples as one batch: tensors and typed arrays of one shape are stacked along a new first axis, numbers and booleans become a tensor [B],
 * strings stay an array, and arrays and plain objects are collated field by field.
 *
 * Numbers become i32 where all of a batch are whole, else f32: labels that are fractions, but may be whole, belong into tensors.
 * @throws HeedError for samples that do not go together, and for none
 * @example defaultCollate([[randn(3), 1], [randn(3), 0]])   // [f32[2,3], i32[2]]
 */
export function defaultCollate<S>(samples: readonly S[]): Collated<S> {
  if (!Array.isArray(samples)) fail("defaultCollate", "samples as an array", shown(samples));
  if (samples.length === 0) fail("defaultCollate", "at least one sample", "none");
  return collate(samples, "") as Collated<S>;
}

function collate(samples: readonly unknown[], path: string): unknown {
  const at = path === "" ? "" : ` at ${path.slice(1)}`;
  const [first] = samples;
  const kind = kindOf(first);
  const other = samples.findIndex((x) => kindOf(x) !== kind);
  if (other >= 0) fail("defaultCollate", `samples alike${at}`, `${kind} and ${kindOf(samples[other])}`);
  switch (kind) {
    case "tensor": {
      const tensors = samples as readonly Tensor[];
      const odd = tensors.find((x) => x.dtype !== tensors[0].dtype || !sameShape(x.shape, tensors[0].shape));
      if (odd) {
        const remedy = "give padSequence in a `collate` function where lengths differ";
        fail(
          "defaultCollate",
          `tensors of one shape and dtype${at}`,
          `${describe(tensors[0])} and ${describe(odd)}`,
          remedy,
        );
      }
      return stack(tensors).evaluate();
    }
    case "number":
    case "boolean":
    case "bigint":
      return tensor(samples as NestedNumbers);
    case "typed array":
      return collate(
        (samples as readonly NumberArray[]).map((x) => tensor(x)),
        path,
      );
    case "string":
      return [...samples];
    case "array": {
      const rows = samples as readonly (readonly unknown[])[];
      const { length } = rows[0];
      const odd = rows.find((row) => row.length !== length);
      if (odd) fail("defaultCollate", `arrays of equal length${at}`, `${length} and ${odd.length} items`);
      return rows[0].map((_, i) =>
        collate(
          rows.map((row) => row[i]),
          `${path}.${i}`,
        ),
      );
    }
    case "object": {
      const records = samples as readonly Readonly<Record<string, unknown>>[];
      return Object.fromEntries(
        Object.keys(records[0]).map((key) => [
          key,
          collate(
            records.map((record) => record[key]),
            `${path}.${key}`,
          ),
        ]),
      );
    }
    default:
      return fail(
        "defaultCollate",
        `tensors, numbers, strings, or arrays and objects of them${at}`,
        kind,
        "give the DataLoader a `collate` function",
      );
  }
}

function kindOf(x: unknown): string {
  if (x instanceof Tensor) return "tensor";
  if (ArrayBuffer.isView(x)) return "typed array";
  if (Array.isArray(x)) return "array";
  if (x === null) return "null";
  return typeof x;
}
