import { describe, expect, test } from 'vitest';
import { limits } from '../../protocol/limits.ts';
import { contentOf } from '../testing/content.ts';
import { hashes } from '../testing/keys.ts';
import { MemorySource } from '../testing/memory-blob.ts';
import { LeafTable } from './leaf-table.ts';
import { checkSame } from './same-source.ts';

const block = limits.blockBytes;

/** A source of 40 blocks, of which `known` were read before; `change` is done to the file meanwhile. */
async function opened(known: readonly number[], change: (content: Uint8Array) => void = () => undefined) {
  const content = contentOf(40 * block);
  const leaves = new LeafTable();
  for (const index of known)
    leaves.set(index, await hashes.sha256(content.subarray(index * block, (index + 1) * block)));
  change(content);
  return new MemorySource(content, hashes, leaves);
}
const flip = (index: number) => (content: Uint8Array) => {
  content[index * block + 9] = 1 + (content[index * block + 9] ?? 0);
};

describe('a source that is opened again', () => {
  test('passes when it is the same, with few reads', async () => {
    const source = await opened(Array.from({ length: 40 }, (_, index) => index));
    await checkSame(source);
    expect(source.reads).toBe(8);
  });

  test('of which nothing is known is not read', async () => {
    const source = await opened([]);
    await checkSame(source);
    expect(source.reads).toBe(0);
  });

  test.each([[[3]], [[3, 30]], [[1, 2, 3, 4]]])('%j known: a change in the last of them is noticed', async (known) => {
    const last = known.at(-1) ?? 0;
    await expect(checkSame(await opened(known))).resolves.toBeUndefined();
    await expect(checkSame(await opened(known, flip(last)))).rejects.toMatchObject({ kind: 'changed' });
  });
});
