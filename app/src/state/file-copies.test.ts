import { describe, expect, it } from 'vitest';
import type { Causeway } from '../../../engine/causeway.ts';
import type { OfferRecord } from '../../../engine/exchange/offer.ts';
import type { Group } from '../../../engine/groups/group.ts';
import { text } from '../text.ts';
import { copiesOf } from './file-copies.ts';
import type { Talk } from './talk.ts';

const member = (account: string, displayName: string) => ({ account, root: account, handle: account, displayName });
const everyone = new Map([member('bob', 'Sam'), member('carol', 'Sam'), member('dan', 'Dan')].map((m) => [m.root, m]));
/** A device is called as its account, with a number behind it. */
const group = {
  version: 1,
  roster: new Map(),
  membership: { members: everyone },
  memberBy: (account: string) => everyone.get(account),
  accountOf: (device: string) => device.replace(/\d$/, ''),
} as unknown as Group;
const engine = {
  device: 'me1',
  devices: [{ id: 'me2', name: 'Phone' }],
  isMine: (device: string) => device.startsWith('me'),
  isOnline: () => true,
} as unknown as Causeway;

function told(holders: string[]): string {
  const offered = { device: 'bob1', mine: false, at: 0, files: [{ name: 'a', size: 1, type: '' }], knocked: false };
  const record = { group: true, offered, answer: { kind: 'waiting' }, files: [{ holders }] } as unknown as OfferRecord;
  const copies = copiesOf(engine, record, 0, { group } as unknown as Talk);
  return copies ? text.copies.words(copies) : '';
}

describe('who has a copy', () => {
  it.each([
    ['two of one name are two', ['carol1'], 'Sam (@bob) and Sam (@carol) have a copy.'],
    ['two devices of one person are one', ['bob2', 'dan1', 'dan2'], 'Sam (@bob) and Dan have a copy.'],
    ['own devices are named', ['me2'], 'Sam (@bob) and your device Phone have a copy.'],
    ['who is not known is somebody', ['x1', 'y1'], 'Sam (@bob) and somebody have a copy.'],
  ])('%s', (_, holders, expected) => {
    expect(told(holders)).toBe(`Not on this device. ${expected}`);
  });
});
