import { afterEach, expect, it, vi } from 'vitest';
import { limits } from '../../../protocol/limits.ts';
import { LEAF_BYTES } from '../../../engine/transfer/leaf-table.ts';
import { SourceFile } from './source-file.ts';

/** What is in the file of leaves, and how often it was written. */
function leafFile() {
  const file = { bytes: new Uint8Array(0), writes: 0 };
  const handle = {
    getSize: () => file.bytes.length,
    read: (into: Uint8Array, { at }: { at: number }) => {
      const part = file.bytes.subarray(at, at + into.length);
      into.set(part);
      return part.length;
    },
    write: (from: Uint8Array, { at }: { at: number }) => {
      const grown = new Uint8Array(Math.max(file.bytes.length, at + from.length));
      grown.set(file.bytes);
      grown.set(from, at);
      file.bytes = grown;
      file.writes++;
      return from.length;
    },
    close: () => undefined,
  };
  const folder = { getFileHandle: () => Promise.resolve({ createSyncAccessHandle: () => Promise.resolve(handle) }) };
  const root = { getDirectoryHandle: () => Promise.resolve(folder) };
  vi.stubGlobal('navigator', { storage: { getDirectory: () => Promise.resolve(root) } });
  return file;
}

afterEach(() => vi.unstubAllGlobals());

it('keeps the leaves of all blocks in few writes, though each hash goes to the page at once', async () => {
  const kept = leafFile();
  const blocks = 2 * limits.leafBatchBlocks + 3;
  const source = await SourceFile.open('key', new Blob([new Uint8Array(blocks * limits.blockBytes).fill(7)]));
  const expected: number[] = [];
  for (let block = 0; block < blocks; block++) {
    const { data, hash } = await source.read(block);
    expected.push(...new Uint8Array(hash));
    structuredClone({ data, hash }, { transfer: [data, hash] });
  }
  source.close();
  expect(kept.bytes).toEqual(new Uint8Array(expected));
  expect(kept.writes).toBe(3);
});

it('keeps blocks that are read out of order, and never changes a leaf that is known', async () => {
  const kept = leafFile();
  kept.bytes = new Uint8Array(LEAF_BYTES).fill(1);
  const source = await SourceFile.open('key', new Blob([new Uint8Array(4 * limits.blockBytes)]));
  const leaves = new Map<number, Uint8Array>([[0, kept.bytes]]);
  for (const block of [3, 0, 1]) {
    const { hash } = await source.read(block);
    if (block > 0) leaves.set(block, new Uint8Array(hash));
  }
  source.close();
  for (const block of [0, 1, 3])
    expect(kept.bytes.slice(block * LEAF_BYTES, (block + 1) * LEAF_BYTES)).toEqual(leaves.get(block));
});
