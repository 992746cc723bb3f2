import { expect, it } from 'vitest';
import { encodePayload } from '../../../engine/feed/payload.ts';
import { encodeCbor } from '../../../protocol/codec.ts';
import type { OfferId } from '../../../protocol/ids.ts';
import { limits } from '../../../protocol/limits.ts';
import { intoOffers, thumbnailBudget } from './outgoing-files.ts';

const offer = 'A'.repeat(22) as OfferId;
const named = (count: number, name: string) =>
  Array.from({ length: count }, (_, index) => ({
    file: { name: `${index}${name}`, type: 'application/octet-stream' },
  }));
const described = (files: ReturnType<typeof named>, thumbnail?: Uint8Array<ArrayBuffer>) =>
  files.map(({ file }) => ({ ...file, size: 2 ** 40, modifiedAt: 1.8e12, ...(thumbnail ? { thumbnail } : {}) }));

it.each([
  [1, 'short.bin'],
  [8, 'picture.webp'],
  [500, 'a name of a usual length.pdf'],
  [500, 'ž'.repeat(1000)],
])('%i files named like %s fit entries with their thumbnails, and knocks, and none is lost', (count, name) => {
  const files = named(count, name);
  for (const knock of [false, true]) {
    const offers = intoOffers(files, knock);
    expect(offers.flat()).toEqual(files);
    for (const some of offers) {
      const budget = thumbnailBudget(some.length);
      const thumbnail = budget > 0 ? new Uint8Array(budget) : undefined;
      expect(encodePayload({ kind: 'offer', offer, files: described(some, thumbnail) }).kind).toBe('ok');
      if (knock)
        expect(encodeCbor({ kind: 'offer', offer, files: described(some), offeredAt: 1.8e12 }).length).toBeLessThan(
          limits.envelopeBytes - 1024,
        );
    }
  }
});

it('keeps what fits in one offer together', () => {
  expect(intoOffers(named(100, '.bin'), false)).toHaveLength(1);
  expect(intoOffers([], false)).toEqual([]);
});
