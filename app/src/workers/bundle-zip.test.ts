import { beforeEach, expect, it, vi } from 'vitest';
import { limits } from '../../../protocol/limits.ts';
import { encodeManifest, type ManifestEntry } from '../../../protocol/manifest.ts';
import { chosenBlocks } from '../bundle/bundle-blocks.ts';
import type { Answer } from './blob-protocol.ts';
import { writeZip } from './bundle-zip.ts';

/** Files of the private file system, by area and name. */
const disk = new Map<string, Uint8Array<ArrayBuffer>>();
let room = Infinity;

vi.mock('./opfs.ts', async (original) => ({
  ...(await original<object>()),
  exists: (area: string, name: string) => Promise.resolve(disk.has(`${area}/${name}`)),
  removeFile: (area: string, name: string) => Promise.resolve(void disk.delete(`${area}/${name}`)),
  openHandle: (area: string, name: string) => {
    const key = `${area}/${name}`;
    disk.set(key, disk.get(key) ?? new Uint8Array(0));
    const bytes = () => disk.get(key) ?? new Uint8Array(0);
    return Promise.resolve({
      getSize: () => bytes().length,
      truncate: (length: number) => disk.set(key, bytes().slice(0, length)),
      read: (into: Uint8Array, { at }: { at: number }) => {
        const part = bytes().subarray(at, at + into.length);
        into.set(part);
        return part.length;
      },
      write: (from: Uint8Array, { at }: { at: number }) => {
        if (at + from.length > room) throw new DOMException('full', 'QuotaExceededError');
        const grown = new Uint8Array(Math.max(bytes().length, at + from.length));
        grown.set(bytes());
        grown.set(from, at);
        disk.set(key, grown);
        return from.length;
      },
      flush: () => undefined,
      close: () => undefined,
    });
  },
}));

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

beforeEach(() => {
  disk.clear();
  room = Infinity;
  disk.set('blobs/key', whole);
});

const bundle = { key: 'key', area: 'blobs', manifestBytes: head.length, contentBytes } as const;
const all = [[0, Math.ceil(whole.length / blockBytes)]] as const;
const idle = { signal: new AbortController().signal, onprogress: () => undefined };

/** Entries of the archive that an answer names, read by its central directory. */
function unzipped(answer: Answer): Map<string, { data: Buffer; time: number }> {
  if (answer.kind !== 'zipped') throw new Error(answer.kind);
  const zip = Buffer.from(disk.get(`temporary/${answer.name}`) ?? []);
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
  const entries = unzipped(await writeZip({ kind: 'zip', job: 1, bundle, blocks: all }, idle));
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
  disk.set('blobs/key', Uint8Array.from(stored));
  const request = {
    kind: 'zip',
    job: 2,
    bundle,
    blocks,
    entries: [
      [0, 1],
      [5, 6],
    ],
  } as const;
  const entries = unzipped(await writeZip(request, idle));
  expect([...entries.keys()]).toEqual(['Trip/a.txt', 'Trip/last.bin']);
  expect(Buffer.compare(entries.get('Trip/last.bin')?.data ?? Buffer.alloc(0), Buffer.from(files[5]?.[1] ?? []))).toBe(
    0,
  );
});

it('leaves nothing behind when it is stopped, and when the disk is full', async () => {
  const stop = new AbortController();
  stop.abort();
  const request = { kind: 'zip', job: 3, bundle, blocks: all } as const;
  expect(await writeZip(request, { ...idle, signal: stop.signal })).toEqual({ kind: 'zip-stopped' });
  room = blockBytes;
  await expect(writeZip(request, idle)).rejects.toMatchObject({ name: 'QuotaExceededError' });
  expect([...disk.keys()]).toEqual(['blobs/key']);
});

it('of a bundle that is not what was offered is refused', async () => {
  const wrong = { ...bundle, contentBytes: contentBytes + 1 };
  expect(await writeZip({ kind: 'zip', job: 4, bundle: wrong, blocks: all }, idle)).toMatchObject({
    kind: 'bad-manifest',
  });
  expect([...disk.keys()]).toEqual(['blobs/key']);
});
