/**
 * Whether a file that was chosen again, or opened anew, is the one of which a part was sent already. Size and time are the shell's to compare;
 * a file can be changed without either. What was not read before cannot be told: only a hash of all of it, before anything is sent, could.
 */
import { equalBytes } from '../../protocol/bytes.ts';
import { SourceError, type BlobSource } from '../ports.ts';

/** Spread over what is known, first and last among them: a fraction of a second of reading. */
const samples = 8;

/** Rejects with `SourceError`: `changed` when a block is not what it was, or what reading says. */
export async function checkSame(source: BlobSource): Promise<void> {
  const known = [...source.leaves().blocks()];
  const steps = Math.min(samples, known.length);
  for (let step = 0; step < steps; step++) {
    const block = known[Math.round((step * (known.length - 1)) / Math.max(1, steps - 1))] ?? 0;
    const leaf = source.leaves().get(block)?.slice();
    const hash = await hashOf(source, block);
    if (leaf && hash && !equalBytes(leaf, hash)) throw new SourceError('changed');
  }
}

/** Undefined for a block of a bundle that cannot be read though others can. */
async function hashOf(source: BlobSource, block: number): Promise<Uint8Array | undefined> {
  try {
    return (await source.read(block)).hash;
  } catch (error) {
    if (error instanceof SourceError && error.kind === 'part-changed') return undefined;
    throw error;
  }
}
