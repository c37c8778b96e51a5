// Random numbers for compiled programs: a pure function of (seed, stream, index), so that any thread, in any order, on any
// machine, makes the same numbers without a state, and a backward pass makes those of the forward pass again. It is not
// PyTorch's stream (random.ts is). The kernels repeat it in C; it uses 32-bit unsigned arithmetic only, all of it
// modulo 2^32 (* keeps the low 32 bits, >> shifts in zeros, ^ is exclusive or).
//
//   mix(x):   x ^= x >> 16;  x *= 0x7feb352d;  x ^= x >> 15;  x *= 0x846ca68b;  x ^= x >> 16;  return x
//
//   key(seed, stream), once per stream:
//             a = mix(seed + 0x9e3779b9)
//             b = mix(stream ^ a)
//             a = mix(a ^ b);  b = mix(b + a)
//
//   word(a, b, index):     mix(mix(index ^ a) + b)
//   uniform(a, b, index):  (word >> 8) * 2^-24, a float32 in [0, 1)
//
//   word(seed 0, stream 0, index 0) = 0xdaefc44e, word(1, 2, 3) = 0x38e4f134, word(0xffffffff, 7, 0x80000000) = 0x73ae2983
//
// mix is the two-multiply hash that a search over such hashes found least biased (C. Wellons, "Prospecting for hash
// functions", 2018). Index and key enter between two rounds of it, as in the cipher of Even and Mansour (1991), so that
// streams are not shifts of one another; every (seed, stream) has its own pair of keys, for all of key's steps can be undone.
// Within a stream no word comes twice in 2^32 indices; longer streams should go on with another stream number.

/** The pair of words that stands for (seed, stream) in `keyedWord`, both read modulo 2^32. */
export function counterKey(seed: number, stream: number): [a: number, b: number] {
  const first = mix(seed + 0x9e3779b9);
  const second = mix(stream ^ first);
  const a = mix(first ^ second);
  return [a, mix(second + a)];
}

/** Word number `index` of the stream with key (a, b), unsigned. */
export function keyedWord(a: number, b: number, index: number): number {
  return mix(mix(index ^ a) + b);
}

/** Word number `index` of a stream, unsigned; seed, stream and index are read modulo 2^32. */
export function counterWord(seed: number, stream: number, index: number): number {
  const [a, b] = counterKey(seed, stream);
  return keyedWord(a, b, index);
}

/** A uniform float32 in [0, 1) with 24 random bits: the upper ones of `counterWord`. */
export function counterUniform(seed: number, stream: number, index: number): number {
  return (counterWord(seed, stream, index) >>> 8) * 2 ** -24;
}

function mix(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}
