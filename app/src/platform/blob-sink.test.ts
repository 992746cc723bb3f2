import { expect, it } from 'vitest';
import type { Bytes } from '../../../protocol/bytes.ts';
import { concatBytes, equalBytes } from '../../../protocol/bytes.ts';
import { LeafTable } from '../../../engine/transfer/leaf-table.ts';
import { contentOf } from '../../../engine/testing/content.ts';
import type { ToWorker } from '../workers/blob-protocol.ts';
import { WorkerSink } from './blob-sink.ts';

function sinkOf(sizeBytes: number) {
  const written: Bytes[][] = [];
  const post = (message: ToWorker): void => {
    if (message.kind === 'write') written.push(message.parts);
  };
  const port = { ask: () => Promise.resolve({ kind: 'done' } as const), post };
  return { sink: new WorkerSink(port, 1, sizeBytes, new LeafTable(), () => undefined), written };
}

it('hands a block of whole chunks over as it came, uncopied', () => {
  const { sink, written } = sinkOf(4 * 65_536);
  const chunks = [1, 2, 3, 4].map((seed) => contentOf(65_536, seed));
  chunks.forEach((chunk, i) => sink.write(0, i * 65_536, chunk));
  expect(written).toHaveLength(1);
  expect(written[0]?.every((part, i) => part === chunks[i])).toBe(true);
});

it('keeps few parts however small the chunks are, so that a peer cannot make it hold an object for each byte', () => {
  const content = contentOf(20_000, 7);
  const { sink, written } = sinkOf(content.length);
  for (let at = 0; at < content.length; at++) sink.write(0, at, content.slice(at, at + 1));
  const parts = written[0] ?? [];
  expect(equalBytes(concatBytes(...parts), content)).toBe(true);
  expect(parts.length).toBeLessThanOrEqual(64);
  expect(sink.backlogBytes).toBe(content.length);
});
