// Large numbers in few letters, as programs and summaries print them.

/** 12.6 MB, 3.4 Gflop */
export function quantity(n: number, unit: string): string {
  const prefixes = ["", "k", "M", "G", "T"];
  let i = 0;
  let x = n;
  for (; x >= 999.5 && i < prefixes.length - 1; i++) x /= 1000;
  return `${i === 0 || x >= 99.95 ? Math.round(x) : x.toFixed(1)} ${prefixes[i]}${unit}`;
}
