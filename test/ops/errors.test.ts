// What bad input gets: an error at the caller's line that names the op, what was expected, what came, and often what to do.

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HeedError } from "../../src/base/errors.js";
import type { Executor } from "../../src/executors/executor.js";
import { nativeExecutor } from "../../src/executors/native.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import { compile } from "../../src/tensor/compiled.js";
import * as create from "../../src/tensor/create.js";
import { setExecutor } from "../../src/tensor/evaluate.js";
import * as f from "../../src/tensor/functions.js";
import { grad } from "../../src/tensor/grad.js";
import { noGrad } from "../../src/tensor/grad-mode.js";
import { hstack, meshgrid, vstack } from "../../src/tensor/joining.js";
import * as loss from "../../src/tensor/losses.js";
import * as random from "../../src/tensor/random.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { on } from "../support/run.js";

const { arange, ones, tensor, zeros } = create;

let before: Executor;
beforeAll(() => {
  before = setExecutor(new ReferenceExecutor());
});
afterAll(() => {
  setExecutor(before);
});

/** What a caller writes, and the whole message or its beginning. */
type Row = readonly [body: (x: Tensor) => unknown, message: string];

// x is f32[2,3]
const SHAPES: readonly Row[] = [
  [
    (x) => x.add(ones(2, 4)),
    "add: expected shapes that broadcast (equal, or 1, from the last axis on), got f32[2,3] and f32[2,4]",
  ],
  [
    (x) => x.matmul(ones(4, 3)),
    "matmul: expected the last axis of the left side to equal the second last of the right, got f32[2,3] and f32[4,3]; transpose the right side",
  ],
  [(x) => ones(2, 2, 3).matmul(x.transpose(0, 1).expand(3, 3, 2)), "matmul: expected shapes that broadcast"],
  [(x) => tensor(1.5).matmul(x), "matmul: expected at least one dimension on both sides, got f32[] and f32[2,3]"],
  [(x) => x.reshape(4), "reshape: expected a shape of 6 elements for f32[2,3], got [4], which has 4"],
  [(x) => x.reshape(4, -1), "reshape: expected sizes that divide the 6 elements of f32[2,3], got [4,-1]"],
  [(x) => x.view(-1, -1), "view: expected whole sizes with at most one -1, got [-1,-1]"],
  [(x) => x.transpose(0, 2), "transpose: expected a dimension from -2 to 1, got 2"],
  [
    (x) => x.transpose(undefined as never, undefined as never),
    "transpose: expected two dimensions to swap, got undefined and undefined; write .transpose(-2, -1), or .T",
  ],
  [
    (x) => x.softmax({ dim: -1 } as never),
    "softmax: expected a dimension from -2 to 1, got an object with dim; the dimension comes first, as a number: softmax(dim)",
  ],
  [
    (x) => x.sum({ dim: 1 } as never),
    "sum: expected a dimension, or an array of them, got an object with dim; the dimension comes first",
  ],
  [
    (x) => x.max(ones(2, 3) as never),
    "max: expected a dimension from -2 to 1, got f32[2,3]; of two tensors take .maximum(other)",
  ],
  [
    (x) => x.clamp({ min: 0 } as never),
    "clamp: expected a number as min, got an object with min; write .clamp(min, max), null for none",
  ],
  [(x) => f.bmm(x, x), "bmm: expected [B,N,K] and [B,K,M], got f32[2,3] and f32[2,3]; matmul broadcasts batches"],
  [(x) => f.outer(x, ones(3)), "outer: expected two vectors, got f32[2,3] and f32[3]"],
  [() => f.oneHot(tensor([0, 3]), 3), "oneHot: expected indices from 0 to 2, got 3 at position 1"],
  [() => f.oneHot(tensor([0, -1])), "oneHot: expected indices from 0 to 0, got -1 at position 1"],
  [(x) => f.oneHot(x), "oneHot: expected i32 indices, got f32[2,3]; convert them with .int()"],
  [(x) => f.stack([x, ones(3)]), "stack: expected tensors of one shape, got f32[2,3], f32[3]"],
  [(x) => x.permute(0, 0), "permute: expected each of the 2 dimensions of f32[2,3] once, got [0,0]"],
  [(x) => x.expand(2, 4), "expand: expected a shape that f32[2,3] broadcasts to, got [2,4]"],
  [(x) => x.expand(Number.NaN, 3), "expand: expected whole sizes, -1 to keep one, got [NaN,3]"],
  [(x) => x.sum(2), "sum: expected a dimension from -2 to 1, got 2"],
  [(x) => x.sum([0, 0]), "sum: expected distinct dimensions, got [0,0]"],
  [(x) => x.prod(2), "prod: expected a dimension from -2 to 1, got 2"],
  [
    (x) => x.prod([0, 1] as never),
    "prod: expected one dimension, got [0,1]; write .prod(), or one .prod(dim) after the other",
  ],
  [
    (x) => x.prod(1, { keepDim: true } as never),
    "prod: expected options named keepdim, got keepDim; did you mean keepdim?",
  ],
  [(x) => x.cumsum(0.5), "cumsum: expected a dimension from -2 to 1, got 0.5"],
  [
    (x) => x.narrow(1, 2, 2),
    "narrow: expected a range within 0 and 3 on dimension 1 of f32[2,3], got start 2, length 2",
  ],
  [(x) => x.select(0, 2), "select: expected an index from -2 to 1 on dimension 0 of f32[2,3], got 2"],
  [(x) => x.slice(0, 0, 1, 0), "slice: expected a step of at least 1, got 0; use .flip(dim) to reverse"],
  [(x) => x.split([1, 3], 1), "split: expected sizes that sum to 3, dimension 1 of f32[2,3], got [1,3]"],
  [(x) => x.split(0), "split: expected a size of at least 1, got 0"],
  [(x) => x.chunk(0), "chunk: expected at least 1 chunk, got 0"],
  [(x) => f.cat([x, ones(2)]), "cat: expected shapes equal except on dimension 0, got f32[2,3], f32[2]"],
  [() => f.cat([]), "cat: expected at least one tensor, got none"],
  [() => meshgrid([ones(2), ones(2, 2)]), "meshgrid: expected vectors of one dtype, got f32[2], f32[2,2]"],
  [() => meshgrid([ones(2), arange(3)]), "meshgrid: expected vectors of one dtype, got f32[2], i32[3]"],
  [() => meshgrid(ones(2) as never, ones(2) as never), "meshgrid: expected tensors as an array of tensors, got"],
  [() => hstack(ones(2) as never), "hstack: expected tensors as an array of tensors, got f32[2]; write [a, b]"],
  [() => vstack([ones(2), ones(3)]), "cat: expected"],
  [() => f.cat([tensor(1)]), "cat: expected tensors with at least one dimension, got i32[]; use stack for scalars"],
  [() => tensor(1.5).unbind(), "unbind: expected a tensor with at least one dimension, got f32[]"],
  [
    (x) => x.gather(0, tensor([0, 1])),
    "gather: expected an index of rank 2, no longer than f32[2,3] except on dimension 0, got i32[2]",
  ],
  [
    (x) => x.scatterAdd(1, tensor([[0]]), ones(1, 2)),
    "scatterAdd: expected index and updates of one shape that fits f32[2,3], got i32[1,1] and f32[1,2]",
  ],
  [(x) => x.topk(4), "topk: expected k from 0 to 3, the size of dimension 1 of f32[2,3], got 4"],
  [(x) => x.pad([-4, 0]), "pad: expected padding that leaves something of f32[2,3], got [-4,0]"],
  [(x) => x.repeat(2), "repeat: expected at least 2 counts for f32[2,3], got [2]"],
  [(x) => x.repeat(-1, 2), "repeat: expected whole, non-negative counts, got [-1,2]"],
  [(x) => x.repeatInterleave(-1, 0), "repeatInterleave: expected a whole, non-negative count, got -1"],
  [(x) => x.roll(1.5, 0), "roll: expected a whole shift, got 1.5"],
  [() => ones(2).tril(), "tril: expected at least 2 dimensions, got f32[2]"],
  [() => zeros(0, 3).amax(0), "max: expected at least one element along the reduced dimension, got f32[0,3]"],
  [(x) => x.item(), "item: expected a tensor with one element, got f32[2,3]"],
  [
    (x) => f.linear(x, ones(4, 2)),
    "linear: expected an input whose last dimension is 2, for weight f32[4,2], got f32[2,3]",
  ],
  [(x) => f.layerNorm(x, [2]), "layerNorm: expected an input whose last dimensions are [2], got f32[2,3]"],
  [
    (x) => f.layerNorm(x, [3], ones(2)),
    "layerNorm: expected weight and bias of shape [3], the last axes of f32[2,3], got f32[2]",
  ],
  [
    (x) => loss.crossEntropy(x, tensor([1, 2, 0])),
    "crossEntropy: expected logits [3,V] for targets i32[3], got f32[2,3]",
  ],
  [
    (x) => loss.nllLoss(x, tensor([1, 2, 0])),
    "nllLoss: expected log-probabilities [3,V] for targets i32[3], got f32[2,3]",
  ],
  [
    (x) => loss.crossEntropy(x, tensor([1, 2]), { weight: ones(2) }),
    "crossEntropy: expected a float weight [3], one for each class, got f32[2]",
  ],
  [
    () => loss.mseLoss(ones(4, 1), ones(4)),
    "mseLoss: expected input and target of one shape, got f32[4,1] and f32[4], which together make [4,4]; squeeze or expand one of them",
  ],
  [
    () => loss.l1Loss(ones(4, 1), ones(4)),
    "l1Loss: expected input and target of one shape, got f32[4,1] and f32[4], which together make [4,4]; squeeze or expand one of them",
  ],
  [
    () => loss.binaryCrossEntropyWithLogits(ones(4, 1), ones(4)),
    "binaryCrossEntropyWithLogits: expected logits and target of one shape, got f32[4,1] and f32[4]; squeeze or expand one of them",
  ],
  [(x) => x.assign(ones(3)), "assign: expected a value of shape [2,3], got f32[3]"],
  [() => zeros(-1), "zeros: expected whole, non-negative sizes, got [-1]"],
  [() => create.eye(-1), "eye: expected whole, non-negative sizes, got [-1,-1]"],
  [() => create.full([2, Number.NaN], 1), "full: expected whole, non-negative sizes, got [2,NaN]"],
  [
    () => zeros(2 ** 20, 2 ** 20),
    "zeros: expected fewer than 2^31 elements, got [1048576,1048576], which is 1099511627776",
  ],
];

const DIMENSIONS: readonly Row[] = (["any", "all", "sum", "mean", "var", "std", "amax", "amin", "norm"] as const).map(
  (name): Row => [(x) => x[name](5), `${name}: expected a dimension from -2 to 1, got 5`],
);

const DTYPES: readonly Row[] = [
  [(x) => x.to("float32" as never), 'to: expected one of f32, f16, bf16, i32, bool, got "float32"; write "f32"'],
  [
    (x) => x.to("cuda:0" as never),
    'to: expected one of f32, f16, bf16, i32, bool, got "cuda:0"; tensors need not be moved to a device: leave it out',
  ],
  [
    () => zeros(2, { dtype: "torch.int64" as never }),
    'zeros: expected dtype one of f32, f16, bf16, i32, bool, got "torch.int64"; write "i32"',
  ],
  [
    (x) => `loss ${(x as never as string) + 1}`,
    "tensor: expected a method such as .add(), .mul() or .item(), got an operator; JavaScript has no operators for objects: write a.add(b), and String(a) for text",
  ],
  [(x) => x.gather(1, ones(2, 1)), "gather: expected an i32 index, got f32[2,1]; convert it with .int()"],
  [
    () => tensor([0, 1, 2]).pow(-1),
    "pow: expected an exponent of at least 0 for integers, got -1 for i32[3]; convert it",
  ],
  [() => tensor([1, 2]).floorDivide(0), "floorDivide: expected a divisor that is not 0 for integers, got 0 for i32[2]"],
  [() => tensor([1, 2]).remainder(0), "remainder: expected a divisor that is not 0 for integers, got 0 for i32[2]"],
  [() => tensor([true]).neg(), "neg: expected numbers, got bool[1]; to turn a mask round, use .logicalNot()"],
  [() => tensor([true]).sub(tensor([true])), "sub: expected numbers, got two masks; use .logicalXor(other)"],
  [() => tensor([1, 2]).mean(), "mean: expected a float tensor, got i32[2]; convert it with .float()"],
  [() => tensor([1, 2]).softmax(0), "softmax: expected a float tensor, got i32[2]; convert it with .float()"],
  [() => tensor([1, 2]).norm(), "norm: expected a float tensor, got i32[2]; convert it with .float()"],
  [
    (x) => f.where(x, x, x),
    "where: expected a bool condition, got f32[2,3]; compare it, as in x.gt(0), or convert it with .bool()",
  ],
  [
    (x) => x.maskedFill(x, 0),
    "maskedFill: expected a bool mask, got f32[2,3]; compare it, as in mask.eq(0), or convert it with .bool()",
  ],
  [(x) => x.gather(0, x), "gather: expected an i32 index, got f32[2,3]"],
  [(x) => f.embedding(x, x), "embedding: expected i32 indices, got f32[2,3]; convert them with .int()"],
  [
    (x) => loss.crossEntropy(x, ones(2)),
    "crossEntropy: expected i32 class indices as targets, got f32[2]; convert them with .int()",
  ],
  [
    (x) => loss.nllLoss(x, x),
    "nllLoss: expected i32 class indices as targets, got f32[2,3]; of one-hot rows take .argmax(-1)",
  ],
  [
    (x) => loss.crossEntropy(x.unsqueeze(0), x.unsqueeze(0)),
    "crossEntropy: expected i32 class indices as targets, or probabilities [N,V], got probabilities f32[1,2,3]; reshape",
  ],
  [
    (x) => loss.crossEntropy(x, tensor([1, 2]), { labelSmoothing: 1.1 }),
    "crossEntropy: expected labelSmoothing from 0 to 1, got 1.1",
  ],
  [(x) => x.to("f64" as never), 'to: expected one of f32, f16, bf16, i32, bool, got "f64"'],
  [() => tensor([1], { dtype: "f64" as never }), 'tensor: expected dtype one of f32, f16, bf16, i32, bool, got "f64"'],
  [
    () => random.normal(zeros(3), tensor([1, 10, 100])),
    "normal: expected means and spreads of a float dtype, got i32[3]; convert them with .float()",
  ],
  [() => random.uniform([2], 0, 1, { dtype: "i32" }), "uniform: expected a float dtype, got i32"],
];

const VALUES: readonly Row[] = [
  [(x) => x.add("1" as never), 'add: expected a tensor or a number, got "1"'],
  [(x) => x.mul(null as never), "mul: expected a tensor or a number, got null"],
  [
    (x) => x.sub([1] as never),
    "sub: expected a tensor or a number, got an array of 1 number; make it a tensor with tensor(...)",
  ],
  [
    (x) => (x as never as number) + 1,
    "tensor: expected a method such as .add(), .mul() or .item(), got an operator; JavaScript has no operators",
  ],
  [
    () => tensor([[1, 2], [3]]),
    "tensor: expected arrays of 2 items at depth 1, got one of 1; rows of a tensor have equal lengths",
  ],
  [() => tensor(["a"] as never), 'tensor: expected numbers or booleans, got "a"'],
  [() => tensor([null] as never), "tensor: expected numbers or booleans, got null"],
  [() => tensor([2 ** 40], { dtype: "i32" }), "tensor: expected integers of 32 bits, got 1099511627776 at position 0"],
  [() => tensor([Number.NaN], { dtype: "i32" }), "tensor: expected integers of 32 bits, got NaN at position 0"],
  [() => tensor([1]).fill(2 ** 40), "fill: expected a number that 32 bits can hold for i32, got 1099511627776"],
  [() => tensor([1]).fill(Number.NaN), "fill: expected a number that 32 bits can hold for i32, got NaN; convert the"],
  [() => tensor([1]).assign(2 ** 31), "assign: expected a number that 32 bits can hold for i32, got 2147483648"],
  [() => tensor([1]).withAt(0, 2 ** 40), "withAt: expected a number that 32 bits can hold for i32, got 1099511627776"],
  [() => tensor([1]).pad([1, 1], 2 ** 40), "pad: expected a number that 32 bits can hold for i32, got 1099511627776"],
  [
    () => tensor([1]).scatter(0, tensor([0]), 2 ** 40),
    "scatter: expected a number that 32 bits can hold for i32, got 1099511627776; convert the tensor with .float()",
  ],
  [(x) => x.gelu({ approximate: "fast" as never }), 'gelu: expected approximate "none" or "tanh", got fast'],
  [(x) => x.clamp(), "clamp: expected a min or a max, got neither"],
  [(x) => f.dropout(x, { p: 2 }), "dropout: expected a probability from 0 to 1, got 2"],
  [() => create.arange(0, 1, 0), "arange: expected finite bounds and a step that leads from start to end, got 0, 1, 0"],
  [() => random.randint(3, 1, [2]), "randint: expected whole numbers low < high, got 3 and 1"],
  [() => create.linspace(0, 1, 1.5), "linspace: expected a whole number of steps, got 1.5"],
  [() => f.multinomial(tensor([-1.5, 2]), 1), "multinomial: expected finite weights >= 0, got -1.5 in row 0"],
  [() => f.multinomial(tensor([Number.NaN, 0.5]), 1), "multinomial: expected finite weights >= 0, got NaN in row 0"],
  [
    () => f.multinomial(tensor([0.5, 0]), 2),
    "multinomial: expected at least 2 positive weights in every row, got 1 in row 0",
  ],
];

const traced = (body: () => unknown) => compile(body)();

/** What is drawn inside a compiled function is checked as outside. */
const TRACED: readonly Row[] = [
  [() => traced(() => random.uniform("a" as never)), 'uniform: expected a shape as an array of sizes, got "a"'],
  [() => traced(() => random.uniform([-1])), "uniform: expected whole, non-negative sizes, got [-1]"],
  [() => traced(() => random.normal("a" as never)), 'normal: expected a shape as an array of sizes, got "a"'],
  [() => traced(() => random.exponential([1.5])), "exponential: expected whole, non-negative sizes, got [1.5]"],
  [() => traced(() => random.bernoulli(0.5, [1.5])), "bernoulli: expected whole, non-negative sizes, got [1.5]"],
  [() => traced(() => random.bernoulli(tensor([1, 0]))), "bernoulli: expected probabilities of a float dtype, got i32"],
  [() => traced(() => random.randperm(-1)), "randperm: expected an integer n >= 0, got -1"],
  [() => traced(() => f.multinomial(tensor([0.5, 0.5]), 2.5)), "multinomial: expected from 1 to 2 samples"],
  [() => traced(() => f.multinomial(tensor([0.5, 0.5]), 3)), "multinomial: expected from 1 to 2 samples"],
];

const GRADIENTS: readonly Row[] = [
  [
    (x) => x.sum().backward(),
    "backward: expected a tensor that depends on a parameter, got f32[], which requires no gradient; call .requiresGrad_()",
  ],
  [
    () => noGrad(() => ones(2, { requiresGrad: true }).sum()).backward(),
    "backward: expected a tensor that depends on a parameter, got f32[]",
  ],
  [
    () => ones(2, { requiresGrad: true }).mul(2).backward(),
    "backward: expected a loss with one element, or the gradient as an argument, got f32[2]; reduce it",
  ],
  [
    () => ones(2, { requiresGrad: true }).mul(2).backward(ones(3)),
    "backward: expected a gradient of shape [2], got f32[3]",
  ],
  [() => tensor([1, 2]).requiresGrad_(), "requiresGrad: expected a float tensor, got i32[2]"],
  [(x) => void (x.grad = ones(3)), "grad: expected a gradient of shape [2,3], got f32[3]"],
  [
    (x) => grad((a: Tensor) => a.mul(2))(x),
    "grad: expected a function that returns one number, got f32[2,3]; reduce it with .sum() or .mean()",
  ],
  [(x) => void (x.grad = 0 as never), "grad: expected a tensor, or null to forget the gradient, got 0"],
  [
    () => grad((a: Tensor) => a.pow(3).sum())(tensor([2])),
    "grad: expected a float tensor as argument 0, got i32[1]; convert it with .float()",
  ],
  [() => grad((a: Tensor) => a.sum())(3 as never), "grad: expected a tensor as argument 0, got 3"],
  [() => void dispose(), "evaluate: expected numbers that are still there, got f32[2], which was disposed"],
];

function dispose(): unknown {
  const x = ones(2).evaluate();
  x.dispose();
  return x.toArray();
}

for (const [name, rows] of Object.entries({
  shapes: SHAPES,
  dimensions: DIMENSIONS,
  dtypes: DTYPES,
  traced: TRACED,
  values: VALUES,
  gradients: GRADIENTS,
})) {
  describe(`bad ${name}`, () => {
    for (const [body, message] of rows) {
      it(message.slice(0, 90), () => {
        const x = ones(2, 3);
        let caught: unknown;
        try {
          body(x);
        } catch (error) {
          caught = error;
        }
        expect(caught).toBeInstanceOf(HeedError);
        expect((caught as Error).message.startsWith(message), (caught as Error).message).toBe(true);
        // Nothing is lost: the tensor is still good.
        expect(x.sum().item()).toBe(6);
      });
    }
  });
}

describe("indices out of range", () => {
  for (const executor of [new ReferenceExecutor(), nativeExecutor()].filter((e) => e !== null)) {
    it(`are found when they are used (${executor.name})`, () => {
      on(executor, () => {
        const x = ones(2, 3);
        for (const bad of [3, -1, 2 ** 31 - 1, 1 - 2 ** 31]) {
          expect(() => x.gather(1, tensor([[bad], [0]])).toArray()).toThrow(
            new RegExp(`gather.*expected indices from 0 to 2, got ${bad}`),
          );
          expect(() => x.scatterAdd(1, tensor([[bad]]), ones(1, 1)).toArray()).toThrow(
            new RegExp(`scatterAdd.*expected indices from 0 to 2, got ${bad}`),
          );
          expect(() => x.indexSelect(1, tensor([0, bad]).add(0)).toArray()).toThrow(/expected indices from 0 to 2/);
          const look = compile((index: Tensor) => f.embedding(index, x));
          expect(() => look(tensor([0, bad]))).toThrow(/expected indices from 0 to 1/);
          expect(look(tensor([1])).toArray()).toEqual([[1, 1, 1]]);
        }
        expect(x.sum().item()).toBe(6);
      });
    });
  }

  it("are named at the caller's line where they are known", () => {
    const x = ones(2, 3);
    expect(() => f.embedding(tensor([0, 5]), x)).toThrow(
      "embedding: expected indices from 0 to 1, got 5 at position 1",
    );
    expect(() => loss.crossEntropy(x, tensor([3, 0]))).toThrow(
      "crossEntropy: expected targets from 0 to 2 (or ignoreIndex -100), got 3 at position 0",
    );
    expect(() => loss.nllLoss(x, tensor([3, 0]))).toThrow(
      "nllLoss: expected targets from 0 to 2 (or ignoreIndex -100), got 3 at position 0",
    );
  });

  it("make a loss NaN where they cannot be known before", () => {
    const x = ones(2, 3);
    expect(loss.crossEntropy(x, tensor([3, 0]).add(0)).item()).toBeNaN();
    const step = compile((targets: Tensor) => loss.crossEntropy(x, targets));
    expect(step(tensor([-7, 0])).item()).toBeNaN();
    expect(step(tensor([-100, 0])).item()).toBeCloseTo(Math.log(3), 6);
    expect(step(tensor([2, 1])).item()).toBeCloseTo(Math.log(3), 6);
  });
});
