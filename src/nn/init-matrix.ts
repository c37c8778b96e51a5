// Initialisations of whole matrices: the identity, orthogonal rows or columns, few nonzero entries (torch/nn/init.py).

import { fail } from "../base/errors.js";
import { checkOptions, NUMBER } from "../base/options.js";
import { describe } from "../base/shape.js";
import { shown } from "../base/show.js";
import { checkTensor } from "../tensor/check.js";
import { eye, tensor as numbers } from "../tensor/create.js";
import { normal, randperm } from "../tensor/random.js";
import type { Tensor } from "../tensor/tensor.js";
import { DRAW, type Draw, set } from "./init-set.js";

/** The identity: ones on the diagonal of a matrix, zeros elsewhere. @throws HeedError unless it is a matrix */
export function eye_<P extends Tensor>(tensor: P): P {
  const [rows, columns] = matrix("eye_", tensor);
  return set("eye_", tensor, () => eye(rows, columns, { dtype: tensor.dtype }));
}

/**
 * N(0, std²) with the share `sparsity` of each column set to zero, in places drawn by `randperm` from the default generator, as in torch
 * (Martens 2010).
 * @throws HeedError unless it is a matrix and sparsity from 0 to 1
 */
export function sparse_<P extends Tensor>(tensor: P, sparsity: number, options: Draw & { std?: number } = {}): P {
  const [rows, columns] = matrix("sparse_", tensor);
  if (typeof sparsity !== "number" || !(sparsity >= 0 && sparsity <= 1))
    fail("sparse_", "a share from 0 to 1", shown(sparsity));
  checkOptions("sparse_", options, { ...DRAW, std: NUMBER });
  const { std = 0.01, ...draw } = options;
  const { dtype } = tensor;
  return set("sparse_", tensor, () => {
    const drawn = normal(tensor.shape, 0, std, { dtype, ...draw }).dataSync();
    for (let column = 0; column < columns; column++) {
      const zeros = randperm(rows)
        .dataSync()
        .subarray(0, Math.ceil(sparsity * rows));
      for (const row of zeros) drawn[row * columns + column] = 0;
    }
    return numbers(drawn, { dtype }).reshape(rows, columns);
  });
}

/**
 * A matrix whose rows are orthonormal, or its columns where it has more rows, times `gain`: the Q of a matrix of normal numbers, so that all
 * such matrices are equally likely (Saxe, McClelland and Ganguli 2014). Axes behind the first count as one. The draws are torch's; the result
 * agrees to rounding, as LAPACK's reflections are taken in f32 there and in f64 here.
 * @throws HeedError for fewer than two axes
 */
export function orthogonal_<P extends Tensor>(tensor: P, options: Draw & { gain?: number } = {}): P {
  checkTensor("orthogonal_", "tensor", tensor);
  if (tensor.ndim < 2) fail("orthogonal_", "a weight of at least two dimensions", describe(tensor));
  checkOptions("orthogonal_", options, { ...DRAW, gain: NUMBER });
  const { gain = 1, ...draw } = options;
  const { dtype, shape } = tensor;
  const rows = shape[0];
  const columns = tensor.numel / Math.max(rows, 1);
  return set("orthogonal_", tensor, () => {
    const drawn = normal([rows, columns], 0, 1, { dtype, ...draw }).dataSync();
    // Vectors to be made orthonormal: the rows or the columns, whichever are fewer, each in a stretch of its own.
    const wide = rows < columns;
    const [count, length] = wide ? [rows, columns] : [columns, rows];
    const vectors = Float64Array.from(drawn, (_, i) =>
      wide ? drawn[i] : drawn[(i % length) * columns + Math.floor(i / length)],
    );
    orthonormalise(vectors, count, length);
    const result = Float64Array.from(
      drawn,
      (_, i) => gain * (wide ? vectors[i] : vectors[(i % columns) * length + Math.floor(i / columns)]),
    );
    return numbers(result, { dtype }).reshape(shape);
  });
}

/** Gram and Schmidt, twice over, which is enough (Giraud and others 2005); the diagonal of R is positive, as the draw asks. */
function orthonormalise(vectors: Float64Array, count: number, length: number): void {
  for (let i = 0; i < count; i++) {
    const vector = vectors.subarray(i * length, (i + 1) * length);
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < i; j++) {
        const earlier = vectors.subarray(j * length, (j + 1) * length);
        const along = dot(vector, earlier);
        for (let k = 0; k < length; k++) vector[k] -= along * earlier[k];
      }
    }
    const norm = Math.sqrt(dot(vector, vector));
    for (let k = 0; k < length; k++) vector[k] /= norm;
  }
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
}

function matrix(op: string, tensor: Tensor): readonly number[] {
  checkTensor(op, "tensor", tensor);
  return tensor.ndim === 2 ? tensor.shape : fail(op, "a matrix", describe(tensor));
}
