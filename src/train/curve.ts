// A noisy series made readable: thinned without hiding a spike, and smoothed without bending. What it is drawn as is in
// chart.ts.

export type Point = readonly [x: number, y: number];

/** At most `count` points, each the middle step and the median loss of a group of equal number. */
export function bucketMedians(points: readonly Point[], count: number): readonly Point[] {
  if (points.length <= count) return points;
  return Array.from({ length: count }, (_, i) => {
    const group = points.slice(Math.floor((i * points.length) / count), Math.floor(((i + 1) * points.length) / count));
    return [(group[0]![0] + group.at(-1)![0]) / 2, median(group.map(([, loss]) => loss))];
  });
}

/** At most `count` points that keep each group's lowest and highest, so that thinning hides no spike. */
export function envelope(points: readonly Point[], count: number): readonly Point[] {
  if (points.length <= count) return points;
  const groups = count / 2;
  return Array.from({ length: groups }, (_, i) => {
    const group = points.slice(
      Math.floor((i * points.length) / groups),
      Math.floor(((i + 1) * points.length) / groups),
    );
    const low = group.reduce((a, b) => (b[1] < a[1] ? b : a));
    const high = group.reduce((a, b) => (b[1] > a[1] ? b : a));
    return low[0] < high[0] ? [low, high] : [high, low];
  }).flat();
}

/**
 * A straight line fitted around each point, near ones counting more, and again with those that lie far off counting
 * less (Cleveland 1979, "Robust locally weighted regression and smoothing scatterplots"). Unlike a running mean it
 * neither lags behind the steep start, nor sags at the end, nor follows a lone spike; the reach grows with the step, as a
 * loss is about as straight in every doubling of the steps.
 */
export function smooth(points: readonly Point[]): readonly Point[] {
  let trust = points.map(() => 1);
  let course = fitLines(points, trust);
  for (let round = 0; round < 4; round++) {
    const off = points.map(([, loss], i) => Math.abs(loss - course[i]![1]));
    const far = 6 * median(off);
    if (far === 0) break;
    trust = off.map((distance) => Math.max(0, 1 - (distance / far) ** 2) ** 2);
    course = fitLines(points, trust);
  }
  return course;
}

function fitLines(points: readonly Point[], trust: readonly number[]): readonly Point[] {
  const most = Math.max(4, Math.round(points.length / 16));
  return points.map(([x], i) => {
    const reach = Math.min(Math.max(Math.round(i / 3) + 1, 2), most);
    let [weight, sx, sy, sxx, sxy] = [0, 0, 0, 0, 0];
    for (let j = Math.max(0, i - reach); j <= Math.min(points.length - 1, i + reach); j++) {
      const w = (1 - (Math.abs(j - i) / (reach + 1)) ** 3) ** 3 * Math.max(trust[j]!, 1e-9);
      const dx = points[j]![0] - x;
      const y = points[j]![1];
      weight += w;
      sx += w * dx;
      sy += w * y;
      sxx += w * dx * dx;
      sxy += w * dx * y;
    }
    const spread = weight * sxx - sx * sx;
    return [x, spread > 1e-12 * weight * sxx ? (sxx * sy - sx * sxy) / spread : sy / weight];
  });
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
