/**
 * A ZIP of a received bundle, made as it is read. Paths are the cleaned names of the tree, so that none is absolute or leads out of where it is
 * unpacked; empty folders and times are kept. Nothing is compressed: most of what is large is already.
 */
import { makeZip } from 'client-zip';
import { BlockSet } from '../../../engine/transfer/block-set.ts';
import type { Ranges } from '../../../engine/transfer/blocks.ts';
import { RankedBlocks } from '../../../engine/transfer/ranked-blocks.ts';
import { storedAt } from './bundle-blocks.ts';
import type { BundleTree } from './bundle-tree.ts';

/** The accepted blocks on disk, one after the other. */
export interface Stored {
  /** Fills `into` from `at` on; returns how many bytes there were. */
  read(into: Uint8Array<ArrayBuffer>, options: { at: number }): number;
}

export interface Part {
  /** What is stored. */
  blocks: Ranges;
  /** Entries of the manifest that go in; all when absent. */
  entries?: Ranges;
}

/** Read at a time; smaller files are read whole. */
const pieceBytes = 1024 * 1024;

/** What the time stamps of a ZIP can say (local time, APPNOTE 4.4.6): others would come out as another year, or end the making of it. */
const [earliest, latest] = [new Date(1980, 0, 1).getTime(), new Date(2107, 11, 31, 23, 59, 58).getTime()];

/** Fails with a DOMException when what is stored is shorter than it should be. */
export const zipOf = (tree: BundleTree, from: Stored, part: Part): ReadableStream<Uint8Array> =>
  makeZip(entriesOf(tree, from, part), { buffersAreUTF8: true });

function* entriesOf(tree: BundleTree, from: Stored, { blocks, entries }: Part) {
  const ranked = new RankedBlocks(blocks);
  const wanted = entries && new BlockSet(entries);
  for (const node of inManifestOrder(tree)) {
    if (wanted && !wanted.has(tree.entry(node))) continue;
    const path = tree.path(node).join('/');
    if (tree.isFolder(node)) {
      yield { name: `${path}/` };
      continue;
    }
    const sizeBytes = tree.sizeBytes(node);
    const at = sizeBytes === 0 ? 0 : storedAt(tree.start(node), ranked);
    if (at === undefined) continue;
    const modifiedAt = tree.modifiedAt(node);
    const input = sizeBytes <= pieceBytes ? readAt(from, at, sizeBytes) : pieces(from, at, sizeBytes);
    const time = modifiedAt === undefined ? {} : { lastModified: Math.min(latest, Math.max(earliest, modifiedAt)) };
    yield { name: path, input, size: sizeBytes, ...time };
  }
}

/** Files and empty folders. So the bundle is read from its beginning to its end. */
function inManifestOrder(tree: BundleTree): number[] {
  const leaves: number[] = [];
  for (let node = 0; node < tree.count; node++) if (tree.isLeaf(node)) leaves.push(node);
  return leaves.sort((a, b) => tree.entry(a) - tree.entry(b));
}

// client-zip takes an async iterable alone.
// eslint-disable-next-line @typescript-eslint/require-await
async function* pieces(from: Stored, at: number, sizeBytes: number) {
  for (let done = 0; done < sizeBytes; done += pieceBytes)
    yield readAt(from, at + done, Math.min(pieceBytes, sizeBytes - done));
}

function readAt(from: Stored, at: number, lengthBytes: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(lengthBytes);
  if (from.read(bytes, { at }) !== lengthBytes) throw new DOMException('received file is short', 'DataError');
  return bytes;
}
