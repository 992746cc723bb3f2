/**
 * How much received files may take on this device, and which of them go when it is more: only those that were saved or opened, the one for which that
 * is longest ago first. One that nobody has looked at yet is never removed by the rule. All its figures are here.
 */
import type { OfferId } from '../../../protocol/ids.ts';

export interface KeepSettings {
  /** Absent for no limit. */
  atMostBytes?: number;
}

export const defaultKeepSettings: KeepSettings = {};
/** What a person types is in these. */
export const keepUnitBytes = 1_000_000_000;
/** Below this a single video would not stay until it is opened. */
export const keepLeastBytes = 100_000_000;

/** A received file that is on this device. */
export interface HeldFile {
  offer: OfferId;
  file: number;
  sizeBytes: number;
  /** When it was last saved or opened; absent when never. */
  usedAt?: number | undefined;
}

/** @returns what is to go, in order, and by how much the rest is still over the limit, none of it having been saved or opened. */
export function overLimit(
  files: readonly HeldFile[],
  { atMostBytes = Infinity }: KeepSettings,
): { remove: HeldFile[]; unsavedOverBytes: number } {
  let overBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) - atMostBytes;
  const used = files.filter(({ usedAt }) => usedAt !== undefined).sort((a, b) => (a.usedAt ?? 0) - (b.usedAt ?? 0));
  const remove: HeldFile[] = [];
  for (const file of used) {
    if (overBytes <= 0) break;
    if (file.sizeBytes === 0) continue; // it takes nothing
    remove.push(file);
    overBytes -= file.sizeBytes;
  }
  return { remove, unsavedOverBytes: Math.max(0, overBytes) };
}
