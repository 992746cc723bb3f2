/** Looked at before a download begins that nobody was asked about: whether it fits beside all that was accepted before. */
import type { Causeway } from '../../../engine/causeway.ts';
import { ok } from './action-result.ts';
import type { ActionResult } from './actions.ts';

/** Rejects as the storage does. */
export async function roomFor(
  { transfers }: Pick<Causeway, 'transfers'>,
  blobs: { freeBytes(): Promise<number> },
  neededBytes: number,
): Promise<ActionResult> {
  const freeBytes = Math.max(0, (await blobs.freeBytes()) - transfers.bytesToCome());
  return neededBytes <= freeBytes ? ok : { ok: false, error: { code: 'no-room', neededBytes, freeBytes } };
}
