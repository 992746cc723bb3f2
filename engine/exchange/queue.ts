/**
 * Which of the files that wait may run next, in one direction: at most so many at a time over all links, the others in line. Pure.
 *
 * What a person put in order comes first, in that order. Of all else the offer that is older comes first, and within it the file named first; but
 * small files must not wait behind a huge one for ever:
 * - a small file counts as if it had been offered ten minutes earlier, so it goes before larger ones that came shortly before it, while a steady
 *   stream of small ones cannot hold up a large one for longer than that;
 * - files of a gigabyte and more take all places but one. With a single place they get it, one by one: whoever wants it otherwise says so by
 *   the order, and files that were put in order are never held back.
 */
export type Direction = 'up' | 'down';

export interface Queued {
  /** `fileKey` of the file. */
  key: string;
  /** When it was offered, milliseconds since 1970, and its place in the offer. */
  at: number;
  file: number;
  /** Of the file, still to be moved. */
  leftBytes: number;
}

export type Move = 'top' | 'up' | 'down';

const smallBytes = 16 * 1024 * 1024;
const smallAheadMs = 10 * 60_000;
const hugeBytes = 1024 * 1024 * 1024;

/** @param order keys that the person put in order; those that are not named come after them. */
export function inOrder<T extends Queued>(queued: readonly T[], order: readonly string[]): T[] {
  const places = new Map(order.map((key, place) => [key, place]));
  const place = ({ key }: T) => places.get(key) ?? order.length;
  const since = ({ at, leftBytes }: T) => (leftBytes <= smallBytes ? at - smallAheadMs : at);
  return queued.toSorted(
    (a, b) => place(a) - place(b) || since(a) - since(b) || a.at - b.at || a.file - b.file || (a.key < b.key ? -1 : 1),
  );
}

/**
 * @param line in order.
 * @returns the one that may run now, if any.
 */
export function nextOf<T extends Queued>(
  line: readonly T[],
  running: readonly Queued[],
  atOnce: number,
  order: readonly string[],
): T | undefined {
  if (running.length >= atOnce) return undefined;
  const ordered = new Set(order);
  const huge = ({ key, leftBytes }: Queued) => leftBytes >= hugeBytes && !ordered.has(key);
  const noneForHuge = atOnce > 1 && running.filter(huge).length >= atOnce - 1;
  return line.find((one) => !(noneForHuge && huge(one)));
}

/**
 * The order after one file of a line was moved. It names no more than it must: files that come later are not bound by it.
 * @param line keys in their order now. @param order as it was; keys in it that are not in the line keep their places before it.
 */
export function moved(order: readonly string[], line: readonly string[], key: string, move: Move): string[] {
  const from = line.indexOf(key);
  const to = move === 'top' ? 0 : move === 'up' ? from - 1 : from + 1;
  if (from < 0 || to < 0 || to >= line.length) return [...order];
  const after = line.toSpliced(from, 1).toSpliced(to, 0, key);
  const ordered = new Set(order);
  const last = after.findLastIndex((one) => ordered.has(one));
  const inLine = new Set(line);
  return [...order.filter((one) => !inLine.has(one)), ...after.slice(0, Math.max(to, last) + 1)];
}
