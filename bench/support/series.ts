/** Bytes over time, and what is read off them. */

/** Time in ms since 1970, bytes since the start; both never fall. */
export type Point = [tMs: number, bytes: number];
export type Series = Point[];

/** @returns bytes at a time, straight between two points, the nearest point's outside. */
export function bytesAt(series: Series, tMs: number): number {
  const after = series.findIndex(([t]) => t >= tMs);
  const next = series[after === -1 ? series.length - 1 : after];
  if (!next) return 0;
  const before = series[after - 1];
  if (!before || after === -1) return next[1];
  return before[1] + ((next[1] - before[1]) * (tMs - before[0])) / (next[0] - before[0]);
}

/** @returns bytes per second. */
export const rateBetween = (series: Series, fromMs: number, toMs: number): number =>
  ((bytesAt(series, toMs) - bytesAt(series, fromMs)) / (toMs - fromMs)) * 1000;

/** @returns for each second of the span: seconds since its start, bytes per second. */
export function perSecond(series: Series, fromMs: number, toMs: number): [seconds: number, bytesPerSecond: number][] {
  const points: [number, number][] = [];
  for (let t = fromMs; t + 1000 <= toMs; t += 1000)
    points.push([(t - fromMs) / 1000, rateBetween(series, t, t + 1000)]);
  return points;
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
export const median = (values: readonly number[]): number => quantile(values, 0.5);
