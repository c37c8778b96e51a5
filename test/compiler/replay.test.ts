// compile(): a replayed function does what the same function does when run op by op, with all that it assigns, reads again and returns.

import { describe, expect, it } from "vitest";
import { nativeExecutor } from "../../src/executors/native.js";
import { ReferenceExecutor } from "../../src/executors/reference.js";
import { compile } from "../../src/tensor/compiled.js";
import { arange, tensor, zeros } from "../../src/tensor/create.js";
import { cat, stack } from "../../src/tensor/functions.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { allClose, numbersOf } from "../support/compare.js";
import { on } from "../support/run.js";

interface Scene {
  readonly fn: (...args: never[]) => Tensor | readonly Tensor[] | undefined;
  /** Tensors that the function assigns to. */
  readonly watch: readonly Tensor[];
  /** Arguments of each call; three calls without any when absent. */
  readonly calls?: readonly (readonly unknown[])[];
  /** Between calls. */
  readonly between?: () => void;
}

const vector = () => tensor([1.5, -2, 0.25, 4]);
const matrix = () =>
  tensor([
    [1.5, -2, 0.25],
    [4, 0.5, -1],
    [2, 3, -0.75],
  ]);

const SCENES: Record<string, () => Scene> = {
  "counts up": () => {
    const a = vector();
    return { watch: [a], fn: () => a.assign(a.add(1)) };
  },
  "exchanges two tensors": () => {
    const [a, b] = [vector(), vector().neg().evaluate()];
    return { watch: [a, b], fn: () => exchange(a, b, (x) => x) };
  },
  "exchanges functions of two tensors": () => {
    const [a, b] = [vector(), vector().neg().evaluate()];
    return { watch: [a, b], fn: () => exchange(a, b, (x) => x.mul(0.5)) };
  },
  "assigns one tensor to the other, then back": () => {
    const [a, b] = [vector(), vector().neg().evaluate()];
    return { watch: [a, b], fn: () => [a.assign(b).sum(), b.assign(a.add(1))] };
  },
  "rotates three": () => {
    const [a, b, c] = [vector(), vector().neg().evaluate(), vector().mul(3).evaluate()];
    const fn = () => {
      const first = a.mul(1);
      a.assign(b);
      b.assign(c);
      c.assign(first);
      return [a.sum(), b.sum(), c.sum()];
    };
    return { watch: [a, b, c], fn };
  },
  ...Object.fromEntries(
    Object.entries<(m: Tensor) => Tensor>({
      transposed: (m) => m.transpose(0, 1),
      "transposed and added to": (m) => m.add(m.transpose(0, 1)),
      flipped: (m) => m.flip(0),
      rolled: (m) => m.roll(1, 1),
      shifted: (m) => cat([m.slice(0, 1), m.slice(0, 0, 1)], 0),
      "shifted along rows": (m) => cat([m.slice(1, 1).mul(2), m.slice(1, 0, 1)], 1),
      "less its own mean": (m) => m.sub(m.mean(0, { keepdim: true })),
      "its own softmax": (m) => m.softmax(-1),
      "its own product": (m) => m.matmul(m).div(8),
      "its own running sum": (m) => m.cumsum(0),
      "its own first row": (m) => m.slice(0, 0, 1).expand(3, 3),
      "its own first row added": (m) => m.add(m.slice(0, 0, 1)),
      "its own sorted rows": (m) => m.sort(-1).values,
      "its own diagonal": (m) => m.diagonal().unsqueeze(1).expand(3, 3),
      "its own rows picked": (m) => m.indexSelect(0, tensor([2, 0, 0])),
      padded: (m) => m.slice(0, 1).pad([0, 0, 0, 1]),
      itself: (m) => m,
      "a number": (m) => m.sum().mul(0).expand(3, 3),
    }).map(([name, change]) => [
      `assigns a matrix ${name}`,
      () => {
        const m = matrix();
        return {
          watch: [m],
          fn: () => {
            const old = m.sum();
            m.assign(change(m));
            return [old, m.mul(2), change(m)];
          },
        };
      },
    ]),
  ),
  "reads old and new numbers": () => {
    const a = vector();
    const fn = () => {
      const old = a.mul(10);
      a.assign(a.add(1));
      const fresh = a.mul(10);
      return [old, fresh, old.add(fresh), a];
    };
    return { watch: [a], fn };
  },
  "returns views of what it assigns": () => {
    const m = matrix();
    const fn = () => {
      const before = m.transpose(0, 1);
      m.assign(m.add(1));
      return [before, m.transpose(0, 1), m, m.reshape(9).slice(0, 2, 5)];
    };
    return { watch: [m], fn };
  },
  "assigns the same tensor twice": () => {
    const a = vector();
    const fn = () => {
      a.assign(a.mul(2));
      const middle = a.sum();
      a.assign(a.sub(middle.div(8)));
      return [middle, a.sum()];
    };
    return { watch: [a], fn };
  },
  "assigns one result to several tensors": () => {
    const [a, b] = [vector(), vector()];
    const fn = () => {
      const next = a.add(b).tanh();
      a.assign(next);
      b.assign(next);
      return next;
    };
    return { watch: [a, b], fn };
  },
  "assigns views of one result": () => {
    const [a, b] = [vector(), vector()];
    const fn = () => {
      const both = stack([a, b.exp()]).cumsum(0);
      a.assign(both.select(0, 1));
      b.assign(both.select(0, 0).flip(0).tanh());
      return both;
    };
    return { watch: [a, b], fn };
  },
  "takes a step of momentum": () => {
    const [weight, velocity] = [vector(), zeros(4).evaluate()];
    const fn = (x: Tensor) => {
      velocity.assign(velocity.mul(0.9).add(weight.mul(x)));
      weight.assign(weight.sub(velocity.mul(0.1)));
      return weight.mul(x).sum();
    };
    return { watch: [weight, velocity], fn, calls: [[vector()], [vector().mul(2)], [tensor([1, 0.5, 2, 3])]] };
  },
  "writes into a cache": () => {
    const [cache, length] = [zeros(5, 2).evaluate(), tensor(0)];
    const fn = (row: Tensor) => {
      const here = arange(5).eq(length).unsqueeze(1);
      cache.assign(row.where(here, cache));
      length.assign(length.add(1));
      return cache.sum(0);
    };
    return { watch: [cache, length], fn, calls: [[tensor([[1.5, 2]])], [tensor([[3, 4.5]])], [tensor([[5.5, 6]])]] };
  },
  "assigns through a cast": () => {
    const [half, count] = [tensor([1.5, 2.25], { dtype: "bf16" }), tensor([1, 2])];
    return {
      watch: [half, count],
      fn: () => [half.assign(half.float().mul(1.1)).sum(), count.assign(count.add(half))],
    };
  },
  "assigns a number": () => {
    const a = vector();
    return { watch: [a], fn: () => [a.add(1), a.assign(7).add(1), a.assign(a.add(0.5))] };
  },
  "assigns without reading": () => {
    const a = vector();
    return { watch: [a], fn: (x: Tensor) => void a.assign(x), calls: [[vector()], [vector().mul(2)]] };
  },
  "assigns to an argument": () => {
    const a = vector();
    return { watch: [a], fn: (x: Tensor) => [x.assign(x.add(1)), x.mul(2)], calls: [[a], [a], [vector()]] };
  },
  "assigns to a tensor that is also an argument": () => {
    const a = vector();
    return {
      watch: [a],
      fn: (x: Tensor) => [a.assign(a.mul(2)).sum(), x.reshape(2, 2).sum().mul(0)],
      calls: [[a], [a]],
    };
  },
  "returns a captured tensor, assigned elsewhere": () => {
    const a = vector();
    return { watch: [a], fn: () => [a, a.mul(2)], between: () => void a.assign(a.add(1)) };
  },
  "reads a number that is filled in between": () => {
    const [a, rate] = [vector(), tensor(0.5)];
    let next = 1;
    return { watch: [a, rate], fn: () => a.assign(a.mul(rate)), between: () => void rate.fill(next++) };
  },
  "returns its arguments": () => ({
    watch: [],
    fn: (x: Tensor, y: Tensor) => [x, y, x, x.transpose(0, 1)],
    calls: [
      [matrix(), vector()],
      [matrix().mul(2), vector()],
    ],
  }),
  "takes one tensor twice": () => {
    const m = matrix();
    return {
      watch: [],
      fn: (x: Tensor, y: Tensor) => x.matmul(y),
      calls: [
        [m, m],
        [m, matrix().add(1)],
      ],
    };
  },
  "takes pending and strided arguments": () => ({
    watch: [],
    fn: (x: Tensor) => [x.sum(0), x.add(1)],
    calls: [[matrix().transpose(0, 1)], [matrix().mul(3)], [matrix().slice(0, 0, 3, 1)]],
  }),
};

function exchange(a: Tensor, b: Tensor, f: (x: Tensor) => Tensor): Tensor {
  const [x, y] = [f(a), f(b)];
  a.assign(y);
  b.assign(x);
  return a.sum().add(b.sum());
}

/** Every number the scene shows: results of each call, and the watched tensors after it. */
function play(scene: Scene, fn: Scene["fn"]): { label: string; numbers: ArrayLike<number> }[] {
  const seen: { label: string; numbers: ArrayLike<number> }[] = [];
  const calls = scene.calls ?? [[], [], []];
  calls.forEach((args, call) => {
    const result = fn(...(args as never[]));
    const results = (result === undefined ? [] : Array.isArray(result) ? result : [result]) as (Tensor | number)[];
    results.forEach((r, i) =>
      seen.push({ label: `call ${call}, result ${i}`, numbers: typeof r === "number" ? [r] : numbersOf(r) }),
    );
    scene.watch.forEach((w, i) => seen.push({ label: `call ${call}, tensor ${i}`, numbers: numbersOf(w) }));
    scene.between?.();
  });
  return seen;
}

describe("a compiled function", () => {
  for (const executor of [new ReferenceExecutor(), nativeExecutor()].filter((e) => e !== null)) {
    for (const [name, make] of Object.entries(SCENES)) {
      it(`${name} (${executor.name})`, () => {
        on(executor, () => {
          const plain = make();
          const expected = play(plain, plain.fn);
          const scene = make();
          const actual = play(scene, compile(scene.fn as (...args: unknown[]) => Tensor) as Scene["fn"]);
          expect(actual.map((a) => a.label)).toEqual(expected.map((e) => e.label));
          actual.forEach((a, i) => allClose(a.label, a.numbers, expected[i].numbers, { rtol: 1e-6, atol: 1e-6 }));
        });
      });
    }
  }
});
