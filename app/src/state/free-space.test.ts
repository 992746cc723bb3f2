import { expect, it } from 'vitest';
import type { Causeway } from '../../../engine/causeway.ts';
import type { FileFacts, OfferRecord } from '../../../engine/exchange/offer.ts';
import { SpaceWatch } from './free-space.ts';
import type { IncomingOffer } from './views/files.ts';

/** A device that accepted files of these sizes, of which so much is here. */
function accepted(files: { size: number; doneBytes: number; facts?: FileFacts }[]): Causeway {
  const record = {
    offer: 'o',
    offered: { mine: false, files: files.map(({ size }) => ({ name: 'film', size })) },
    answer: { kind: 'accepted', by: 'here', lamport: 1 },
    files: files.map(({ facts = {} }) => facts),
  } as unknown as OfferRecord;
  const transfers = { all: () => [record], progressOf: (_: string, file: number) => files[file] };
  return { device: 'here', transfers } as unknown as Causeway;
}

it('tells the same of a disk that fills with what was accepted, and less of one where more is accepted', async () => {
  const watch = new SpaceWatch(
    () => Promise.resolve(1000),
    () => undefined,
    (problem) => expect(problem).toBeUndefined(),
  );
  const film = { size: 600, doneBytes: 100 };
  expect(watch.freeBytes(accepted([film]))).toBeUndefined();
  watch.watch([{ totalBytes: 300 } as IncomingOffer]);
  await Promise.resolve();
  expect(watch.freeBytes(accepted([film]))).toBe(500);
  film.doneBytes = 400;
  expect(watch.freeBytes(accepted([film]))).toBe(500);
  const song = { size: 50, doneBytes: 0 };
  expect(watch.freeBytes(accepted([film, song]))).toBe(450);
  song.doneBytes = 20;
  const root = new Uint8Array(32);
  const done = { ...film, doneBytes: 600, facts: { root, receipt: root } };
  expect(watch.freeBytes(accepted([done, song]))).toBe(450);
  watch.look();
  await Promise.resolve();
  expect(watch.freeBytes(accepted([done, song]))).toBe(970);
});
