/** What the title and the icon tell: no more than the list of transfers shows. */
import { expect, it, onTestFinished } from 'vitest';
import type { Causeway } from '../../../engine/causeway.ts';
import type { OfferRecord } from '../../../engine/exchange/offer.ts';
import { TransferWatch } from './transfer-watch.ts';

interface One {
  group?: true;
  mine: boolean;
  facts?: OfferRecord['files'][number];
  accepted?: true;
  /** Bytes that are here, while it runs. */
  doneBytes?: number;
  /** Bytes that went out, while it is sent to others. */
  sentBytes?: number;
}

/** The figures with these files, of 100 bytes each. */
function figures(...ones: One[]) {
  const records = ones.map(({ group, mine, facts = {}, accepted }, at) => ({
    offer: `offer-${at}`,
    ...(group ? { group } : {}),
    offered: { mine, files: [{ name: 'film', size: 100 }] },
    answer: accepted ? { kind: 'accepted', by: 'here', lamport: 1 } : { kind: 'waiting' },
    files: [facts],
  }));
  const of = (offer: string) => ones[records.findIndex((record) => record.offer === offer)];
  const bytesPerSecond = () => 1;
  const transfers = {
    all: () => records,
    inLine: () => false,
    progressOf: (offer: string) => {
      const { doneBytes } = of(offer) ?? {};
      const activity = { kind: doneBytes === undefined ? 'idle' : 'running' };
      return { activity, doneBytes: doneBytes ?? 0, bytesPerSecond };
    },
    uploadOf: (offer: string) => {
      const { sentBytes } = of(offer) ?? {};
      return sentBytes === undefined ? undefined : { takers: 1, sentBytes, bytesPerSecond };
    },
  };
  const watch = new TransferWatch({ transfers } as unknown as Causeway, () => undefined);
  onTestFinished(() => watch.stop());
  watch.wake();
  return watch.moving;
}

const root = new Uint8Array(32);
const coming: One = { mine: false, accepted: true, doneBytes: 40 };
const sharedOut: One = { group: true, mine: true, sentBytes: 90 };
const passedOn: One = { group: true, mine: false, accepted: true, facts: { receipt: root }, sentBytes: 90 };
const fetchedAgain: One = { mine: true, accepted: true, facts: { root, receipt: root }, sentBytes: 90 };

it('has a progress of what has a whole', () => {
  expect(figures(coming)).toEqual({ running: 1, any: true, progress: 0.4 });
  expect(figures(sharedOut)).toEqual({ running: 1, any: true });
  expect(figures(coming, sharedOut)).toEqual({ running: 2, any: true, progress: 0.4 });
});

it('does not count what the list shows as finished, and knows that leaving would interrupt it', () => {
  expect(figures(passedOn)).toEqual({ running: 0, any: true });
  expect(figures(fetchedAgain)).toEqual({ running: 0, any: true });
  expect(figures(fetchedAgain, coming)).toEqual({ running: 1, any: true, progress: 0.4 });
});
