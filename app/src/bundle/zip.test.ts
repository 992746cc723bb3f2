import { expect, it } from 'vitest';
import { limits } from '../../../protocol/limits.ts';
import { decodeManifest, encodeManifest, type ManifestEntry } from '../../../protocol/manifest.ts';
import { chosenBlocks } from './bundle-blocks.ts';
import { BundleTree, buildTree } from './bundle-tree.ts';
import { zipOf, type Stored } from './zip.ts';

const { blockBytes } = limits;
const bytesOf = (length: number, seed: number): Uint8Array => Uint8Array.from({ length }, (_, at) => (at * seed) % 251);
const files: [path: string, content: Uint8Array, modifiedAt?: number][] = [
  ['Trip/a.txt', bytesOf(10, 3), new Date(2026, 0, 2, 3, 4, 6).getTime()],
  ['Trip/large.bin', bytesOf(2 * blockBytes + 5, 7)],
  ['Trip/A.TXT', bytesOf(11, 5)],
  ['Trip/..\u200b/..\\evil: <name>.exe', bytesOf(12, 11)],
  ['Trip/nothing.bin', bytesOf(0, 1)],
  ['Trip/last.bin', bytesOf(3 * blockBytes, 13)],
];
const manifest: ManifestEntry[] = [
  ...files.map(([path, { length }, modifiedAt]): ManifestEntry => ({
    kind: 'file',
    path,
    sizeBytes: length,
    modifiedAt,
  })),
  { kind: 'folder', path: 'Trip/empty' },
];
const head = encodeManifest(manifest);
const contentBytes = files.reduce((sum, [, { length }]) => sum + length, 0);
const whole = new Uint8Array(head.length + contentBytes);
whole.set(head);
files.reduce((at, [, content]) => (whole.set(content, at), at + content.length), head.length);
const startOf = (index: number): number =>
  files.slice(0, index).reduce((at, [, { length }]) => at + length, head.length);

const all = [[0, Math.ceil(whole.length / blockBytes)]] as const;
const tree = new BundleTree(buildTree(decodeManifest(head, contentBytes), head.length));
const storedIn = (bytes: Uint8Array): Stored => ({
  read(into, { at }) {
    const part = bytes.subarray(at, at + into.length);
    into.set(part);
    return part.length;
  },
});

/** Entries of an archive, read by its central directory. */
async function unzipped(stream: ReadableStream<Uint8Array>): Promise<Map<string, { data: Buffer; time: number }>> {
  const zip = Buffer.from(await new Response(stream).arrayBuffer());
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  const entries = new Map<string, { data: Buffer; time: number }>();
  for (let at = zip.readUInt32LE(end + 16); at < end;) {
    const [name, extra, comment] = [zip.readUInt16LE(at + 28), zip.readUInt16LE(at + 30), zip.readUInt16LE(at + 32)];
    const local = zip.readUInt32LE(at + 42);
    const from = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    entries.set(zip.toString('utf8', at + 46, at + 46 + name), {
      data: zip.subarray(from, from + zip.readUInt32LE(at + 24)),
      time: zip.readUInt32LE(at + 12),
    });
    at += 46 + name + extra + comment;
  }
  return entries;
}

it('holds every file and empty folder under names that are safe and differ', async () => {
  const entries = await unzipped(zipOf(tree, storedIn(whole), { blocks: all }));
  expect([...entries.keys()]).toEqual([
    'Trip/a.txt',
    'Trip/large.bin',
    'Trip/A (1).TXT',
    'Trip/file/.._evil_ _name_.exe',
    'Trip/nothing.bin',
    'Trip/last.bin',
    'Trip/empty/',
  ]);
  [...entries.values()].slice(0, files.length).forEach(({ data }, index) => {
    expect(Buffer.compare(data, Buffer.from(files[index]?.[1] ?? []))).toBe(0);
  });
  const dosTime = (((2026 - 1980) << 25) | (1 << 21) | (2 << 16) | (3 << 11) | (4 << 5) | (6 / 2)) >>> 0;
  expect(entries.get('Trip/a.txt')?.time).toBe(dosTime);
});

it('of a part holds what was chosen alone, though more of it is stored', async () => {
  const blocks = chosenBlocks(head.length, [
    { start: startOf(0), sizeBytes: 10 },
    { start: startOf(5), sizeBytes: 3 * blockBytes },
  ]);
  const stored = blocks.flatMap(([first, end]) => [...whole.subarray(first * blockBytes, end * blockBytes)]);
  const part = {
    blocks,
    entries: [
      [0, 1],
      [5, 6],
    ],
  } as const;
  const entries = await unzipped(zipOf(tree, storedIn(Uint8Array.from(stored)), part));
  expect([...entries.keys()]).toEqual(['Trip/a.txt', 'Trip/last.bin']);
  expect(Buffer.compare(entries.get('Trip/last.bin')?.data ?? Buffer.alloc(0), Buffer.from(files[5]?.[1] ?? []))).toBe(
    0,
  );
});

it('fails when what is stored is too short', async () => {
  const short = storedIn(whole.subarray(0, whole.length - 1));
  await expect(unzipped(zipOf(tree, short, { blocks: all }))).rejects.toThrow('short');
});

it.each([
  ['before 1980, where its time stamps begin', 0, [1980, 1, 1]],
  ['of a clock that was far ahead', Number.MAX_SAFE_INTEGER, [2107, 12, 31]],
])('gives a file %s the nearest date that it can', async (_, modifiedAt, date) => {
  const early: ManifestEntry[] = [{ kind: 'file', path: 'a.txt', sizeBytes: 3, modifiedAt }];
  const begin = encodeManifest(early);
  const bytes = new Uint8Array([...begin, 1, 2, 3]);
  const one = new BundleTree(buildTree(decodeManifest(begin, 3), begin.length));
  const entries = await unzipped(zipOf(one, storedIn(bytes), { blocks: [[0, 1]] }));
  const days = (entries.get('a.txt')?.time ?? 0) >>> 16;
  expect([1980 + (days >>> 9), (days >>> 5) & 15, days & 31]).toEqual(date);
});
