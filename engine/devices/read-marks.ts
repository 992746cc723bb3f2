/** How far a conversation was read, per feed; marks of several devices add up. */
import type { DeviceId } from '../../protocol/ids.ts';

export type ReadMarks = readonly (readonly [DeviceId, number])[];

/** The farther of both, feed by feed, ascending by device. */
export function fartherOf(one: ReadMarks, other: ReadMarks): ReadMarks {
  const marks = new Map(one);
  for (const [device, length] of other) marks.set(device, Math.max(length, marks.get(device) ?? 0));
  return [...marks].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Whether `marks` say anything that `known` does not. */
export function isNews(marks: ReadMarks, known: ReadMarks): boolean {
  const lengths = new Map(known);
  return marks.some(([device, length]) => length > (lengths.get(device) ?? 0));
}
