import { describe, expect, it } from 'vitest';
import { blobSinkConformance } from './blob-sink-conformance.ts';
import { hashes } from './keys.ts';
import { MemoryDisk, MemorySource } from './memory-blob.ts';

describe('BlobSink in memory', () => {
  it.each(blobSinkConformance)('$name', async ({ run }) => {
    const disk = new MemoryDisk(hashes);
    await run({
      hashes,
      open: (sizeBytes) => Promise.resolve(disk.open('x', sizeBytes)),
      crash: async () => {
        disk.crash();
        await Promise.resolve();
      },
      read: (block) => Promise.resolve(disk.blockOf('x', block) ?? new Uint8Array()),
    });
  });

  it('says when there is no room', async () => {
    const disk = new MemoryDisk(hashes);
    disk.freeBytes = 10;
    const sink = disk.open('x', 100);
    sink.write(0, 0, new Uint8Array(100));
    await expect(sink.hashOf(0)).rejects.toMatchObject({ name: 'SinkError', kind: 'no-space' });
  });
});

describe('BlobSource in memory', () => {
  it('reads blocks with their hashes and says when it is gone', async () => {
    const source = new MemorySource(new Uint8Array(10).fill(3), hashes);
    expect((await source.read(0)).hash).toEqual(await hashes.sha256(new Uint8Array(10).fill(3)));
    source.close();
    await expect(source.read(0)).rejects.toMatchObject({ name: 'SourceError', kind: 'gone' });
  });
});
