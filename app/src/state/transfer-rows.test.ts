import { expect, it } from 'vitest';
import { totalOf } from './transfer-rows.ts';
import type { FileCard } from './views/files.ts';
import type { TransferRow } from './views/transfers.ts';

const row = (file: Partial<FileCard>) => ({ file: { sizeBytes: 100, doneBytes: 0, ...file } }) as TransferRow;
const running = row({ status: { kind: 'running' }, doneBytes: 40, bytesPerSecond: 5 });
const inLine = row({ status: { kind: 'waiting', needsAnswer: false, inLine: true } });
const shared = row({ status: { kind: 'shared', have: 1, of: 5, sendingTo: 2, sentBytes: 250 }, bytesPerSecond: 20 });

it('tells of what runs and waits how much is done, and how long it takes', () => {
  expect(totalOf([running, inLine])).toEqual({
    files: 2,
    doneBytes: 40,
    sizeBytes: 200,
    bytesPerSecond: 5,
    secondsLeft: 32,
  });
});

it('of a file that all of a group may fetch tells what went out alone', () => {
  const nothing = { doneBytes: 0, sizeBytes: 0 };
  expect(totalOf([shared])).toEqual({ files: 1, ...nothing, sharedBytes: 250, bytesPerSecond: 20 });
  const both = { files: 2, doneBytes: 40, sizeBytes: 100, sharedBytes: 250, bytesPerSecond: 25, secondsLeft: 12 };
  expect(totalOf([running, shared])).toEqual(both);
});
