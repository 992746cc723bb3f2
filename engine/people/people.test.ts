import { describe, expect, test } from 'vitest';
import { toBase64 } from '../../protocol/bytes.ts';
import type { AccountId, DeviceId, PublicKey } from '../../protocol/ids.ts';
import type { Contact, Relation } from '../../protocol/people.ts';
import { TestAccount, testKeys } from '../testing/accounts.ts';
import { cheapSignatures, hashes, seededRandom } from '../testing/keys.ts';
import { MemoryRecords } from '../testing/memory-records.ts';
import { People, type Person } from './people.ts';

const rootKey = (number: number) => toBase64(seededRandom(number).bytes(32)) as PublicKey;

class Book {
  readonly records: MemoryRecords<Person>;
  readonly changed: AccountId[] = [];
  readonly online: DeviceId[][] = [];
  readonly refused: unknown[] = [];
  root = rootKey(1);
  people: People;
  now = 1000;

  constructor(records = new MemoryRecords<Person>()) {
    this.records = records;
    this.people = new People({ hashes, signatures: cheapSignatures, records, now: () => this.now }, () => this.root, {
      changed: (account) => this.changed.push(account),
      cameOnline: (_, devices) => this.online.push(devices),
      refused: (_, problem) => this.refused.push(problem),
    });
  }

  /** The same book after a reload. */
  async reopened(): Promise<Book> {
    const book = new Book(this.records);
    book.root = this.root;
    await book.people.load();
    return book;
  }
}

const contactOf = (account: TestAccount, relation: Relation = 'accepted', online: DeviceId[] = []): Contact => ({
  account: account.public,
  relation,
  since: 5,
  online,
});

async function known(relation: Relation = 'accepted') {
  const book = new Book();
  const keys = await testKeys(1);
  const bob = await TestAccount.create(1, keys.device);
  await book.people.apply(contactOf(bob, relation));
  const person = () => book.people.get(bob.id) as Person;
  return { book, bob, keys, person };
}

describe('a person', () => {
  test('is pinned at first sight, durably, and found by handle, device and conversation', async () => {
    const { book, bob, keys, person } = await known();
    const pin = person().pin;
    expect(pin).toMatchObject({ root: bob.rootKey, number: 0 });
    const again = await book.reopened();
    expect(again.people.get(bob.id)).toEqual(person());
    expect(again.people.byHandle(bob.handle)?.account).toBe(bob.id);
    expect(again.people.byDevice(keys.id)?.person.account).toBe(bob.id);
    expect(again.people.byConversation(person().conversation)?.account).toBe(bob.id);
  });

  test('with a longer chain has the new devices, calmly', async () => {
    const { book, bob, keys, person } = await known();
    const second = await testKeys(2);
    await bob.change([keys.device, second.device]);
    await book.people.apply(contactOf(bob));
    expect(person().devices.map(({ id }) => id)).toEqual([keys.id, second.id]);
    expect(person().pin.number).toBe(1);
    expect(person().keysChangedAt).toBeUndefined();
  });

  test('keeps the newest chain when the server hands out an older one', async () => {
    const { book, bob, keys, person } = await known();
    const older = bob.lists;
    const second = await testKeys(2);
    await bob.change([second.device], { signer: keys.id, sign: (message) => keys.sign(message) });
    await book.people.apply(contactOf(bob));
    bob.lists = older;
    await book.people.apply(contactOf(bob, 'blocked'));
    expect(person().devices.map(({ id }) => id)).toEqual([second.id]);
    expect(book.people.byDevice(keys.id)).toBeUndefined();
    expect(person().everyDevice.map(({ id }) => id)).toContain(keys.id);
    expect([person().relation, person().keysChangedAt]).toEqual(['blocked', undefined]);
  });

  test('with another root is told loudly, once, until it is acknowledged', async () => {
    const { book, bob, person } = await known();
    const before = person();
    await bob.reset(1, 1, (await testKeys(3)).device);
    book.now = 7000;
    await book.people.apply(contactOf(bob));
    expect(person()).toMatchObject({ keysChangedAt: 7000, keysAcknowledged: false, earlier: [before.conversation] });
    expect(person().conversation).not.toBe(before.conversation);
    expect(book.people.byConversation(before.conversation)?.account).toBe(bob.id);
    book.now = 8000;
    await book.people.apply(contactOf(bob));
    expect(person().keysChangedAt).toBe(7000);
    await book.people.acknowledgeKeys(bob.id);
    await book.people.apply(contactOf(bob));
    const again = await book.reopened();
    await again.people.apply(contactOf(bob));
    expect(again.people.get(bob.id)).toMatchObject({ keysChangedAt: 7000, keysAcknowledged: true });
    // Once more with other keys: loud again.
    await bob.reset(1, 2, (await testKeys(4)).device);
    again.now = 9000;
    await again.people.apply(contactOf(bob));
    expect(again.people.get(bob.id)).toMatchObject({ keysChangedAt: 9000, keysAcknowledged: false });
  });

  test('with a rewritten history of the same root is told loudly too', async () => {
    const { book, bob, keys, person } = await known();
    const first = bob.lists;
    await bob.change([keys.device, (await testKeys(2)).device]);
    await book.people.apply(contactOf(bob));
    bob.lists = first;
    await bob.change([keys.device, (await testKeys(3)).device]);
    await book.people.apply(contactOf(bob));
    expect(person().keysChangedAt).toBe(1000);
  });

  test('who goes back and forth between two keys does not fill the memory', async () => {
    const { book, bob, person } = await known();
    for (let i = 0; i < 10; i++) {
      await bob.reset(1, i % 2, (await testKeys(3 + (i % 2))).device);
      await book.people.apply(contactOf(bob));
    }
    expect(person().earlier.length).toBeLessThanOrEqual(2);
    expect(person().earlier).not.toContain(person().conversation);
  });

  test.each<[string, (bob: TestAccount) => Promise<void> | void]>([
    [
      'a wrong signature',
      (bob) => void (bob.lists = bob.lists.map((list) => ({ ...list, signature: 'A'.repeat(86) as never }))),
    ],
    ['no list', (bob) => void (bob.lists = [])],
    ['a body that is no list', (bob) => void (bob.lists = [{ ...bob.lists[0], body: 'AAAA' } as never])],
    [
      'a list missing',
      async (bob) => {
        await bob.change([(await testKeys(2)).device]);
        bob.lists = bob.lists.slice(1);
      },
    ],
    [
      'a list by a device that was not in it',
      async (bob) => {
        const eve = await testKeys(9);
        await bob.change([eve.device], { signer: eve.id, sign: (message) => eve.sign(message) });
      },
    ],
    [
      'a device that is not its keys',
      async (bob) => {
        const [one, two] = [await testKeys(2), await testKeys(3)];
        await bob.change([{ ...one.device, sign: two.device.sign }]);
      },
    ],
    [
      'a device twice',
      async (bob) => {
        const one = await testKeys(2);
        await bob.change([one.device, one.device]);
      },
    ],
  ])('whose chain has %s is refused, and nothing of it applied', async (_, spoil) => {
    const { book, bob, person } = await known();
    const before = person();
    await spoil(bob);
    await book.people.apply({ ...contactOf(bob, 'blocked'), account: { ...bob.public, displayName: 'Somebody else' } });
    expect(person()).toEqual(before);
    expect(book.refused).toHaveLength(1);
  });

  test('never has the device of somebody else: whoever named it first keeps it', async () => {
    const { book, keys, bob } = await known();
    const mallory = await TestAccount.create(2, (await testKeys(2)).device);
    await mallory.change([...(await mallory.devices()), keys.device]);
    await book.people.apply(contactOf(mallory));
    expect(book.people.byDevice(keys.id)?.person.account).toBe(bob.id);
    await book.people.apply(contactOf(mallory, 'none'));
    await mallory.change([(await testKeys(2)).device]);
    await book.people.apply(contactOf(mallory));
    expect(book.people.byDevice(keys.id)?.person.account).toBe(bob.id);
  });

  test('accepted counts before a stranger who named the device first', async () => {
    const { book, keys, bob } = await known('incoming');
    const owner = await TestAccount.create(2, keys.device);
    await book.people.apply(contactOf(owner));
    expect(book.people.byDevice(keys.id)?.person.account).toBe(owner.id);
    expect(bob.id).not.toBe(owner.id);
  });
});

describe('the word of the server', () => {
  test('a snapshot removes who is not in it, and they are not online', async () => {
    const { book, bob, keys, person } = await known();
    await book.people.presence(bob.id, [keys.id]);
    await book.people.snapshot([]);
    expect(person().relation).toBe('none');
    expect([...book.people.online(bob.id)]).toEqual([]);
    expect((await book.reopened()).people.get(bob.id)?.relation).toBe('none');
  });

  test('presence is believed of accepted contacts and their devices alone', async () => {
    const { book, bob, keys } = await known('outgoing');
    await book.people.presence(bob.id, [keys.id]);
    expect([...book.people.online(bob.id)]).toEqual([]);
    await book.people.apply(contactOf(bob));
    await book.people.presence(bob.id, [keys.id, (await testKeys(9)).id]);
    expect([...book.people.online(bob.id)]).toEqual([keys.id]);
    await book.people.presence('nobody-of-22-character' as AccountId, [keys.id]);
    expect(book.people.online('nobody-of-22-character' as AccountId).size).toBe(0);
    expect(book.online).toEqual([[keys.id]]);
  });

  test('presence that was said after a contact is taken after it', async () => {
    const { book, bob, keys } = await known('outgoing');
    void book.people.apply(contactOf(bob, 'accepted', []));
    void book.people.presence(bob.id, [keys.id], 77);
    await book.people.settled();
    expect([...book.people.online(bob.id)]).toEqual([keys.id]);
    expect(book.people.get(bob.id)?.lastSeenAt).toBe(77);
    expect((await book.reopened()).people.get(bob.id)).toMatchObject({ relation: 'accepted', lastSeenAt: 77 });
  });

  test('without a connection nobody is online', async () => {
    const { book, bob, keys } = await known();
    void book.people.presence(bob.id, [keys.id]);
    await book.people.nobodyOnline();
    expect(book.people.online(bob.id).size).toBe(0);
  });

  test('of one contact that cannot be stored does not keep the others from being heard', async () => {
    const { book, bob, keys, person } = await known();
    const cid = await TestAccount.create(2, (await testKeys(2)).device);
    book.records.beforeWrite = (key) => {
      if (key === bob.id) throw new Error('the storage failed');
    };
    await book.people.snapshot([contactOf(bob, 'blocked', []), contactOf(cid)]);
    expect(book.people.get(cid.id)?.relation).toBe('accepted');
    expect(person().relation).toBe('blocked'); // what it says counts, stored or not
    await book.people.snapshot([contactOf(bob, 'accepted', [keys.id]), contactOf(cid)]);
    expect(book.people.online(bob.id).size).toBe(1);
  });

  test('somebody who was only looked up does not change how we stand', async () => {
    const { book, bob, person } = await known();
    const before = person();
    await book.people.meet(bob.public);
    expect(person()).toEqual(before);
    const stranger = await TestAccount.create(5, (await testKeys(5)).device);
    expect((await book.people.meet(stranger.public))?.relation).toBe('none');
  });
});

test('new keys of this account move every conversation, and the earlier ones stay known', async () => {
  const { book, bob, person } = await known();
  const before = person().conversation;
  book.root = rootKey(2);
  await book.people.rekey();
  expect(person().conversation).not.toBe(before);
  expect(person().earlier).toEqual([before]);
  expect(book.people.byConversation(before)?.account).toBe(bob.id);
  book.root = rootKey(1);
  await book.people.rekey();
  expect(person().conversation).toBe(before);
  expect(person().earlier).toHaveLength(1);
});

describe('somebody who is gone', () => {
  test('is asked about once parted, marked for good, and there again with the first word of them', async () => {
    const { book, bob, person } = await known();
    expect(book.people.mayHaveDeparted()).toEqual([]);
    await book.people.departed([bob.id]);
    expect(person().departedAt).toBeUndefined();
    await book.people.snapshot([]);
    expect(book.people.mayHaveDeparted()).toEqual([bob.id]);
    await book.people.departed([bob.id]);
    expect((await book.reopened()).people.get(bob.id)).toMatchObject({ relation: 'none', departedAt: 1000 });
    expect(book.people.mayHaveDeparted()).toEqual([]);
    await book.people.apply(contactOf(bob));
    expect(person().departedAt).toBeUndefined();
  });
});
