/**
 * What of an offer was accepted: all of it, some of its files, or of a bundle some blocks. The manifest of a bundle is always among them.
 */
import type { OfferedFile, Payload } from '../../protocol/entry.ts';
import { allBlocks, blockCount, validRanges, type Ranges } from '../transfer/blocks.ts';
import { limits } from '../../protocol/limits.ts';

export type Choice = NonNullable<Extract<Payload, { kind: 'answer' }>['chosen']>;
type Offered = Omit<OfferedFile, 'thumbnail'>;

/** The blocks that hold the manifest of a bundle; none of any other file. */
export const manifestBlocks = ({ bundle }: Offered): Ranges =>
  bundle ? [[0, Math.ceil(bundle.manifestBytes / limits.blockBytes)]] : [];

/** Whether an answer can choose this of these files. */
export function validChoice(files: readonly Offered[], choice: Choice): boolean {
  let before = -1;
  for (const { file, blocks } of choice) {
    const offered = files[file];
    if (!offered || file <= before) return false;
    before = file;
    if (blocks === undefined) continue;
    const [manifest] = manifestBlocks(offered);
    const [first] = blocks;
    if (!manifest || !first || !validRanges(blocks, blockCount(offered.size))) return false;
    if (first[0] !== 0 || first[1] < manifest[1]) return false;
  }
  return true;
}

/** The blocks of a file that this choice accepts; none when it leaves the file out. */
export function chosenBlocks(offered: Offered, file: number, choice: Choice | undefined): Ranges {
  if (!choice) return allBlocks(offered.size);
  const one = choice.find((other) => other.file === file);
  return one ? (one.blocks ?? allBlocks(offered.size)) : [];
}
