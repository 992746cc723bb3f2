/** The order of a conversation: Lamport time, then device id (by code unit), then sequence. The same on every device. */
import type { DeviceId } from '../../protocol/ids.ts';

export interface Position {
  lamport: number;
  device: DeviceId;
  sequence: number;
}

/** Negative when `a` comes before `b`, 0 only for the same entry. */
export function compareEntries(a: Position, b: Position): number {
  if (a.lamport !== b.lamport) return a.lamport - b.lamport;
  if (a.device !== b.device) return a.device < b.device ? -1 : 1;
  return a.sequence - b.sequence;
}
