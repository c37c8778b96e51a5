// Sine and cosine of a whole turn, rounded correctly all but once in thousands of times, as those of the C library PyTorch calls are.
// JavaScript's own may be one bit off, and differ from engine to engine.

const fmaParts = 134217729; // 2^27 + 1, Veltkamp's splitting

/** [p, e] with p + e = a * b exactly (Dekker 1971). */
function product(a: number, b: number): [number, number] {
  const p = a * b;
  const [ta, tb] = [a * fmaParts, b * fmaParts];
  const [ah, bh] = [ta - (ta - a), tb - (tb - b)];
  const [al, bl] = [a - ah, b - bh];
  return [p, al * bl - (p - ah * bh - al * bh - ah * bl)];
}

/** [s, e] with s + e = a + b exactly (Knuth's TwoSum). */
function sum(a: number, b: number): [number, number] {
  const s = a + b;
  const part = s - a;
  return [s, a - (s - part) + (b - part)];
}

/** (a + b) (c + d), b and d being the small remainders of a and c. */
function times([a, b]: readonly [number, number], [c, d]: readonly [number, number]): [number, number] {
  const [p, e] = product(a, c);
  return sum(p, e + (a * d + b * c));
}

function plus([a, b]: readonly [number, number], [c, d]: readonly [number, number]): [number, number] {
  const [s, e] = sum(a, c);
  return sum(s, e + (b + d));
}

// pi/2 in three pieces: multiples of the first two by up to 4 are exact.
const HALF_PI = [1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21] as const;
const SIXTH = [1 / 6, 9.25185853854297e-18] as const;
const TWENTY_FOURTH = [1 / 24, 2.3129646346357427e-18] as const;
const ONE_TWENTIETH_OF_SIXTH = [1 / 120, 1.1564823173178714e-19] as const;

// The terms behind: 1/7!, 1/9!, ... and 1/6!, 1/8!, ..., signs in turn.
const SINE = inverseFactorials(7, 21);
const COSINE = inverseFactorials(6, 22);

function inverseFactorials(first: number, last: number): number[] {
  const result: number[] = [];
  for (let n = 1, factorial = 1; n <= last; factorial *= ++n)
    if (n >= first && (n - first) % 2 === 0) result.push(1 / factorial);
  return result.map((value, i) => (i % 2 === 0 ? -value : value));
}

function series(coefficients: readonly number[], z: number): number {
  return coefficients.reduceRight((rest, coefficient) => rest * z + coefficient, 0);
}

/** [sin(angle), cos(angle)] for angles from 0 to 2 pi. */
export function sinCos(angle: number): [number, number] {
  const quarter = Math.round(angle / (Math.PI / 2));
  const [high, low] = sum(angle - quarter * HALF_PI[0], -quarter * HALF_PI[1]);
  const r = sum(high, low - quarter * HALF_PI[2]);
  const square = times(r, r);
  const z = square[0];
  // Taylor's series, its first three terms with twice the digits; those behind need no more than a double has.
  const sineTail = series(SINE, z);
  const cosineTail = series(COSINE, z);
  const cube = times(r, square);
  const fourth = times(square, square);
  const fifth = times(cube, square);
  const third = times(cube, SIXTH);
  const sine = plus(
    plus(r, [-third[0], -third[1]]),
    plus(times(fifth, ONE_TWENTIETH_OF_SIXTH), [fifth[0] * z * sineTail, 0]),
  );
  const half: [number, number] = [-square[0] / 2, -square[1] / 2];
  const cosine = plus(plus([1, 0], half), plus(times(fourth, TWENTY_FOURTH), [fourth[0] * z * cosineTail, 0]));
  const [s, c] = [sine[0] + sine[1], cosine[0] + cosine[1]];
  return quarter % 4 === 0 ? [s, c] : quarter === 1 ? [c, -s] : quarter === 2 ? [-s, -c] : [-c, s];
}
