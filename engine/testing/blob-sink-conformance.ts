/** What every `BlobSink` must do. An adapter's test gives `open`, which opens the same file again each time, and `crash`. */
import { equalBytes, type Bytes } from '../../protocol/bytes.ts';
import { limits } from '../../protocol/limits.ts';
import type { BlobSink, Hashes } from '../ports.ts';
import { contentOf } from './content.ts';

const BLOCK = limits.blockBytes;
const PART = limits.chunkBytes;

export interface SinkUnderTest {
  hashes: Hashes;
  /** Opens the one file of this case, of `sizeBytes`. */
  open: (sizeBytes: number) => Promise<BlobSink>;
  /** Ends the process that has it open, without warning. */
  crash: () => Promise<void>;
  /** Block as it is on the disk. */
  read: (block: number) => Promise<Bytes>;
}

export interface ConformanceCase {
  name: string;
  run: (subject: SinkUnderTest) => Promise<void>;
}

const SIZE = 4 * BLOCK + 1000;
const content = contentOf(SIZE, 99);
const blockOf = (block: number) => content.slice(block * BLOCK, (block + 1) * BLOCK);

function writeBlock(sink: BlobSink, block: number, data = blockOf(block)): void {
  for (let at = 0; at < data.length; at += PART) sink.write(block, at, data.slice(at, at + PART));
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

async function had(sink: BlobSink): Promise<string> {
  return Promise.resolve([...sink.leaves().blocks()].sort((a, b) => a - b).join());
}

export const blobSinkConformance: readonly ConformanceCase[] = [
  {
    name: 'hashes blocks as they were written, in whatever order they come',
    async run({ hashes, open }) {
      const sink = await open(SIZE);
      for (const block of [3, 0, 4]) writeBlock(sink, block);
      for (const block of [4, 3, 0]) {
        must(equalBytes(await sink.hashOf(block), await hashes.sha256(blockOf(block))), `hash of block ${block}`);
      }
      must(sink.backlogBytes === 0, 'no backlog once all is written');
      must((await had(sink)) === '', 'nothing is had before a commit');
      await sink.close();
    },
  },
  {
    name: 'has what was committed and nothing else, also after a crash',
    async run({ hashes, open, crash, read }) {
      const sink = await open(SIZE);
      for (const block of [0, 1, 2, 4]) writeBlock(sink, block);
      await sink.hashOf(2);
      const commit = await Promise.all([0, 4].map(async (block) => ({ block, hash: await sink.hashOf(block) })));
      await sink.commit(commit);
      must((await had(sink)) === '0,4', 'has what was committed');
      sink.write(3, 0, blockOf(3).slice(0, PART));
      await crash();
      const again = await open(SIZE);
      must((await had(again)) === '0,4', 'has the same after the crash');
      for (const block of [0, 4]) {
        const hash = again.leaves().get(block);
        must(hash !== undefined && equalBytes(hash, await hashes.sha256(blockOf(block))), `leaf of block ${block}`);
        must(equalBytes(await read(block), blockOf(block)), `bytes of block ${block}`);
      }
      await again.close();
    },
  },
  {
    name: 'begins a block anew at offset 0',
    async run({ hashes, open, read }) {
      const sink = await open(SIZE);
      sink.write(1, 0, new Uint8Array(PART).fill(1));
      sink.write(1, PART, new Uint8Array(PART).fill(2));
      writeBlock(sink, 1);
      must(equalBytes(await sink.hashOf(1), await hashes.sha256(blockOf(1))), 'hash of the second writing');
      writeBlock(sink, 1, new Uint8Array(BLOCK).fill(3));
      writeBlock(sink, 1);
      const hash = await sink.hashOf(1);
      must(equalBytes(hash, await hashes.sha256(blockOf(1))), 'hash of the last writing');
      await sink.commit([{ block: 1, hash }]);
      must(equalBytes(await read(1), blockOf(1)), 'bytes of the last writing');
      await sink.close();
    },
  },
  {
    name: 'continues a file block by block until it is whole',
    async run({ open, read }) {
      for (let block = 0; block <= 4; block++) {
        const sink = await open(SIZE);
        must(sink.leaves().count === block, 'has all blocks before');
        writeBlock(sink, block);
        await sink.commit([{ block, hash: await sink.hashOf(block) }]);
        await sink.close();
      }
      for (let block = 0; block <= 4; block++)
        must(equalBytes(await read(block), blockOf(block)), `bytes of block ${block}`);
    },
  },
  {
    name: 'reads blocks that are had, while others come',
    async run({ hashes, open }) {
      const sink = await open(SIZE);
      for (const block of [4, 1]) writeBlock(sink, block);
      await sink.commit([
        { block: 4, hash: await sink.hashOf(4) },
        { block: 1, hash: await sink.hashOf(1) },
      ]);
      writeBlock(sink, 2);
      for (const block of [1, 4]) {
        const { data, hash } = await sink.read(block);
        must(equalBytes(data, blockOf(block)), `bytes of block ${block}`);
        must(equalBytes(hash, await hashes.sha256(blockOf(block))), `hash of block ${block}`);
      }
      await sink.close();
    },
  },
  {
    name: 'keeps the signed leaves of each block, also after a crash',
    async run({ open, crash }) {
      const leaves = (fill: number, count: number) => ({
        first: 1,
        hashes: Array.from({ length: count }, (_, i) => new Uint8Array(32).fill(fill + i)),
        signature: new Uint8Array(64).fill(fill),
      });
      const sink = await open(SIZE);
      for (const block of [1, 2, 4]) writeBlock(sink, block);
      // Two batches that overlap: what belongs to one block is not changed by what comes for another.
      await sink.commit([{ block: 1, hash: await sink.hashOf(1), signed: leaves(10, 8) }]);
      await sink.commit([
        { block: 2, hash: await sink.hashOf(2), signed: leaves(20, 2) },
        { block: 4, hash: await sink.hashOf(4) },
      ]);
      await crash();
      const again = await open(SIZE);
      for (const [block, expected] of [
        [1, leaves(10, 8)],
        [2, leaves(20, 2)],
      ] as const) {
        const signed = await again.signedLeaves(block);
        must(signed?.first === 1 && equalBytes(signed.signature, expected.signature), `signature of block ${block}`);
        must(signed?.hashes.length === expected.hashes.length, `leaves of block ${block}`);
        must(
          expected.hashes.every((hash, i) => equalBytes(hash, signed?.hashes[i] ?? new Uint8Array())),
          `each leaf of block ${block}`,
        );
      }
      must((await again.signedLeaves(4)) === undefined, 'none where none came');
      await again.close();
    },
  },
  {
    name: 'takes an empty file',
    async run({ open }) {
      const sink = await open(0);
      must(sink.leaves().count === 0, 'an empty file has no blocks');
      await sink.close();
    },
  },
];
