import { expect, it } from 'vitest';
import type { Causeway } from '../../../engine/causeway.ts';
import type { OfferRecord } from '../../../engine/exchange/offer.ts';
import type { OfferId } from '../../../protocol/ids.ts';
import { isMissed, matchChosen, type Missed } from './chosen-again.ts';

const offer = 'A'.repeat(22) as OfferId;
const missed = (file: number, name: string, size: number, modifiedAt = 1000): Missed => ({
  ...{ offer, file, name, size, modifiedAt },
});
const chosen = (name: string, size: number, lastModified = 1000) => ({
  file: new File(['x'.repeat(size)], name, { lastModified }),
});
const asked = `${offer}-0`;

const names = ({ matches, wrong }: ReturnType<typeof matchChosen>) => ({
  matches: matches.map((one) => [one.missed.file, one.chosen.file.name]),
  wrong: wrong.map((one) => [one.missed.file, one.kind]),
});

const all = [missed(0, 'a', 5), missed(1, 'b', 5), missed(2, 'c', 7)];

it.each([
  [
    'several in one go, in any order',
    [chosen('c', 7), chosen('b', 5), chosen('a', 5)],
    [
      [0, 'a'],
      [1, 'b'],
      [2, 'c'],
    ],
    [],
  ],
  ['some of them', [chosen('b', 5)], [[1, 'b']], []],
  ['the one that was asked for under another name', [chosen('renamed', 5)], [[0, 'renamed']], []],
  ['no other one under another name', [chosen('renamed', 7)], [], [[0, 'other']]],
  ['one that was changed', [chosen('c', 7), chosen('b', 5, 2000)], [[2, 'c']], [[1, 'changed']]],
  ['another one', [chosen('d', 9)], [], [[0, 'other']]],
])('%s', (_, files, matches, wrong) => {
  expect(names(matchChosen(all, asked, files))).toEqual({ matches, wrong });
});

it('gives one file to one that is missed, the one that was asked for before others', () => {
  const twice = [missed(1, 'a', 5), missed(0, 'a', 5)];
  expect(names(matchChosen(twice, asked, [chosen('a', 5)]))).toEqual({ matches: [[0, 'a']], wrong: [] });
});

it.each([
  ['a contact', { relation: 'accepted' }, true],
  ['somebody who is blocked', { relation: 'blocked' }, false],
  ['somebody who deleted their account', { relation: 'none', departedAt: 1 }, false],
])('misses what %s waits for: %o', (_, person, missing) => {
  const engine = {
    people: { get: () => person },
    transfers: { progressOf: () => ({ activity: { kind: 'needs-file', mine: true } }) },
  } as unknown as Causeway;
  const record = { offer, account: 'a', answer: { kind: 'waiting' }, files: [] } as unknown as OfferRecord;
  expect(isMissed(engine, record, 0)).toBe(missing);
});
