// Fused multiply-add, a * b + c with one rounding, which JavaScript lacks. PyTorch's CPU kernels are compiled with it, so
// its random numbers cannot be had to the bit without it.

/**
 * The float32 fused multiply-add of float32 numbers, exact to the last bit.
 *
 * A product of two float32 fits in a double, so only the sum is rounded twice: to double, then to float32. That differs
 * from one rounding only where the double sum lies halfway between two neighbouring float32 numbers without being exact;
 * then the error of the sum says to which side the true value lies.
 */
export function fmaf(a: number, b: number, c: number): number {
  const product = a * b;
  const sum = product + c;
  const near = Math.fround(sum);
  const far = sum + (sum - near); // the mirror image of `near`: a float32 only when `sum` is the midpoint of the two
  return far !== near && Math.fround(far) === far ? settle(product, c, sum, near, far) : near;
}

function settle(product: number, c: number, sum: number, near: number, far: number): number {
  const error = errorOfSum(product, c, sum);
  if (error === 0) return near; // a true tie: Math.fround chose the even one
  return error > 0 ? Math.max(near, far) : Math.min(near, far);
}

/**
 * The double fused multiply-add, by an exact product and an exact sum (Ogita, Rump and Oishi, "Accurate sum and dot
 * product", 2005). The last step may round twice, once in some thousands of millions; |a|, |b| must stay below 2^970.
 */
export function fma(a: number, b: number, c: number): number {
  const product = a * b;
  const [aHigh, bHigh] = [high(a), high(b)];
  const [aLow, bLow] = [a - aHigh, b - bHigh];
  const rest = aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
  const sum = product + c;
  return sum + (errorOfSum(product, c, sum) + rest);
}

/** The upper 26 bits of a double (Veltkamp's splitting). */
function high(x: number): number {
  const shifted = x * 134217729; // 2^27 + 1
  return shifted - (shifted - x);
}

/** What `a + b` lost when it was rounded to `sum` (Knuth's TwoSum). */
function errorOfSum(a: number, b: number, sum: number): number {
  const part = sum - a;
  return a - (sum - part) + (b - part);
}
