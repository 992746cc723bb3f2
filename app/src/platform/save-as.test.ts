import { expect, it } from 'vitest';
import type { ManifestEntry } from '../../../protocol/manifest.ts';
import { BundleTree, buildTree } from '../bundle/bundle-tree.ts';
import { writeTree } from './save-as.ts';

/** A folder of a browser that refuses shortcuts, as Chromium does, and has no room for a file called `large`. */
class Folder {
  readonly entries = new Map<string, Folder | { text: string }>();

  *keys(): Generator<string> {
    yield* this.entries.keys();
  }

  async getDirectoryHandle(name: string): Promise<Folder> {
    await Promise.resolve();
    const there = this.entries.get(name);
    const folder = there instanceof Folder ? there : new Folder();
    this.entries.set(name, folder);
    return folder;
  }

  async getFileHandle(name: string) {
    await Promise.resolve();
    if (name.endsWith('.lnk')) throw new TypeError('Name is not allowed.');
    const made = this.entries.get(name);
    const file = made && !(made instanceof Folder) ? made : { text: '' };
    this.entries.set(name, file);
    return {
      createWritable: async () => {
        await Promise.resolve();
        let text = '';
        return {
          write: async (piece: Blob) => {
            if (name === 'large') throw new DOMException('no room', 'QuotaExceededError');
            text += await piece.text();
          },
          close: async () => {
            await Promise.resolve();
            file.text = text;
          },
          abort: () => Promise.resolve(),
        };
      },
    };
  }
}

const textOf = (folder: Folder, name: string): string | undefined => {
  const entry = folder.entries.get(name);
  return entry instanceof Folder ? undefined : entry?.text;
};

async function written(into: Folder, paths: readonly string[]): Promise<unknown> {
  const manifest = paths.map((path): ManifestEntry => ({ kind: 'file', path, sizeBytes: path.length }));
  const tree = new BundleTree(buildTree(manifest, 1));
  const leaves = Array.from({ length: tree.count }, (_, node) => node).filter((node) => tree.isLeaf(node));
  const bytesOf = (node: number): Blob => new Blob([paths[tree.entry(node)] ?? '']);
  const writing = { signal: new AbortController().signal, onprogress: () => undefined };
  return writeTree(into as unknown as FileSystemDirectoryHandle, tree, leaves, bytesOf, writing);
}

it('gives a name that the browser refuses an end that is of no other file, there before or of the same folder', async () => {
  const into = new Folder();
  into.entries.set('a.lnk_', { text: 'was here' });
  await written(into, ['a.lnk', 'trip/b.lnk', 'trip/b.lnk_']);
  const trip = into.entries.get('trip') as Folder;
  expect(textOf(into, 'a.lnk_')).toBe('was here');
  expect([...into.entries.keys()].sort()).toEqual(['a (1).lnk_', 'a.lnk_', 'trip']);
  expect(textOf(into, 'a (1).lnk_')).toBe('a.lnk');
  expect(textOf(trip, 'b.lnk_')).toBe('trip/b.lnk_');
  expect(textOf(trip, 'b (1).lnk_')).toBe('trip/b.lnk');
});

it('writes nothing more after something could not be written', async () => {
  const into = new Folder();
  const paths = Array.from({ length: 200 }, (_, i) => (i === 3 ? 'large' : `small ${i}`));
  await expect(written(into, paths)).rejects.toThrow('no room');
  const then = into.entries.size;
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  expect(then).toBeLessThan(50);
  expect(into.entries.size).toBe(then);
});
