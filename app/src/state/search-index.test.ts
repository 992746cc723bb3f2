import { openDB } from 'idb';
import 'fake-indexeddb/auto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ConversationId, DeviceId } from '../../../protocol/ids.ts';
import type { StoredEntry } from '../../../engine/ports.ts';
import type { AccountDatabase, AccountSchema } from '../platform/database.ts';
import { idbSegments } from '../platform/idb-segments.ts';
import { SearchIndex } from './search-index.ts';
import { emptySegment, hitsIn, rowsPerSegment, withRows, type Segment } from './search-text.ts';

const talk = 'A'.repeat(43) as ConversationId;
const other = 'B'.repeat(43) as ConversationId;
const ann = 'a'.repeat(22) as DeviceId;
const bob = 'b'.repeat(22) as DeviceId;

/** Feeds of texts, as the engine would have them. */
class Texts {
  readonly feeds = new Map<string, (string | undefined)[]>();
  say(conversation: ConversationId, device: DeviceId, ...texts: string[]): void {
    const key = `${conversation} ${device}`;
    this.feeds.set(key, [...(this.feeds.get(key) ?? []), ...texts]);
  }
  readonly source = {
    feeds: {
      frontier: (conversation: ConversationId) =>
        Promise.resolve(
          new Map(
            [ann, bob].map((device): [DeviceId, number] => [
              device,
              this.feeds.get(`${conversation} ${device}`)?.length ?? 0,
            ]),
          ),
        ),
      range: (conversation: ConversationId, device: DeviceId, from: number, limit: number) =>
        Promise.resolve(
          (this.feeds.get(`${conversation} ${device}`) ?? [])
            .slice(from, from + limit)
            .map((_, index) => ({ conversation, device, sequence: from + index, wall: from + index }) as StoredEntry),
        ),
    },
    messages: {
      words: (conversation: ConversationId, entries: readonly StoredEntry[]) =>
        Promise.resolve(entries.map(({ device, sequence }) => this.feeds.get(`${conversation} ${device}`)?.[sequence])),
    },
  };
}

let db: AccountDatabase;
let texts: Texts;
let index: SearchIndex;
let count = 0;
const restart = async () => {
  index = new SearchIndex(idbSegments(db), texts.source);
  await index.load();
};
const find = async (query: string, among = [talk, other]) =>
  (await index.search(query, among, 100)).map(({ conversation, device, sequence }) => {
    const name = device === ann ? 'ann' : 'bob';
    return `${conversation === talk ? '' : 'other '}${name} ${sequence}`;
  });

beforeEach(async () => {
  db = await openDB<AccountSchema>(`search ${count++}`, 1, {
    upgrade: (fresh) => void fresh.createObjectStore('records', { keyPath: ['table', 'key'] }),
  });
  texts = new Texts();
  await restart();
});

describe('a search', () => {
  it('finds all words, in any order, parts of words, whatever their case and accents', async () => {
    texts.say(talk, ann, 'Good morning, Zoë', 'the Lake at dawn', 'nothing');
    texts.say(other, bob, 'Dobrý den, jezero', '湖の朝');
    expect(await find('zoe')).toEqual(['ann 0']);
    expect(await find('dawn LAKE')).toEqual(['ann 1']);
    expect(await find('dobry')).toEqual(['other bob 0']);
    expect(await find('の朝')).toEqual(['other bob 1']);
    expect(await find('o', [other])).toEqual(['other bob 0']);
    expect(await find('   ')).toEqual([]);
    expect(await find('lake zoe')).toEqual([]);
  });

  it('does not run over the end of a message', async () => {
    texts.say(talk, ann, 'one two', 'three\nfour');
    expect(await find('two three')).toEqual([]);
    expect(await find('twothree')).toEqual([]);
    expect(await find('three four')).toEqual(['ann 1']);
  });

  it('takes what came since, once, also after a restart', async () => {
    texts.say(talk, ann, 'tea');
    expect(await find('tea')).toEqual(['ann 0']);
    texts.say(talk, ann, 'more tea');
    texts.say(talk, bob, 'no tea');
    expect((await find('tea')).sort()).toEqual(['ann 0', 'ann 1', 'bob 0']);
    await restart();
    texts.say(talk, ann, 'tea again');
    expect((await find('tea')).sort()).toEqual(['ann 0', 'ann 1', 'ann 2', 'bob 0']);
  });

  it('forgets what was deleted, and knows what was edited', async () => {
    texts.say(talk, ann, 'first secret', 'second', 'third');
    await find('secret');
    const feed = texts.feeds.get(`${talk} ${ann}`) ?? [];
    feed[0] = undefined;
    feed[1] = 'changed';
    await index.altered(talk, [
      { device: ann, sequence: 0 },
      { device: ann, sequence: 1 },
      { device: bob, sequence: 7 },
    ]);
    for (let times = 0; times < 2; times++) {
      expect(await find('secret')).toEqual([]);
      expect(await find('second')).toEqual([]);
      expect(await find('changed')).toEqual(['ann 1']);
      expect(await find('third')).toEqual(['ann 2']);
      await restart();
    }
    expect(JSON.stringify(await idbSegments(db).all())).not.toContain('secret');
  });

  it('takes anew what an earlier version took without the names of files', async () => {
    texts.say(talk, ann, 'words', 'lake.jpg');
    const before = withRows(emptySegment(talk, 0), [{ device: ann, sequence: 0, at: 0, words: 'words' }]);
    await idbSegments(db).put({ conversation: talk, segments: 1, taken: [[ann, 2]] }, [before]);
    for (let times = 0; times < 2; times++) {
      await restart();
      expect(await find('lake')).toEqual(['ann 1']);
      expect(await find('words')).toEqual(['ann 0']);
    }
  });

  it('reads the text once while somebody searches, and again after a failure', async () => {
    texts.say(talk, ann, 'tea');
    const store = idbSegments(db);
    let reads = 0;
    let failing = true;
    const all = () => {
      reads++;
      return failing ? Promise.reject(new Error('no disk')) : store.all();
    };
    index = new SearchIndex({ ...store, all }, texts.source);
    await index.load();
    await expect(index.begin()).rejects.toThrow('no disk');
    failing = false;
    await index.begin();
    expect(await find('tea')).toEqual(['ann 0']);
    texts.say(talk, ann, 'more tea');
    expect(await find('tea')).toHaveLength(2);
    expect(reads).toBe(2);
    const begun = index.begin();
    index.end();
    await begun;
    expect(reads).toBe(2);
    expect(await find('tea')).toHaveLength(2);
    await find('tea');
    expect(reads).toBe(4);
  });

  it('reads much in few segments, and forgets and finds in them as in others', async () => {
    const many = (who: string, count: number) =>
      Array.from({ length: count }, (_, i) => `${who} ${i}${i % 1000 === 7 ? ' needle' : ''}`);
    texts.say(talk, ann, ...many('ann', rowsPerSegment * 3));
    await find('needle');
    texts.say(talk, bob, ...many('bob', rowsPerSegment * 2 + 10));
    expect(await find('needle')).toHaveLength(10 + 1);
    expect((await idbSegments(db).all()).map(({ number, who }) => [number, who.length])).toEqual([
      [0, rowsPerSegment * 5],
      [5, 10],
    ]);
    (texts.feeds.get(`${talk} ${bob}`) ?? [])[1007] = undefined;
    await index.altered(talk, [{ device: bob, sequence: 1007 }]);
    for (let times = 0; times < 2; times++) {
      expect(await find('bob needle')).toEqual(['bob 4007', 'bob 3007', 'bob 2007', 'bob 7']);
      expect(await find('ann 5999')).toEqual(['ann 5999']);
      await restart();
      texts.say(talk, ann, 'one more');
      expect(await find('one more')).toHaveLength(times + 1);
    }
  });

  it('goes over many segments, newest first, and stops at its limit', async () => {
    texts.say(
      talk,
      ann,
      ...Array.from({ length: rowsPerSegment * 2 + 10 }, (_, i) => `message ${i}${i % 1000 === 0 ? ' needle' : ''}`),
    );
    expect(await find('needle')).toEqual(['ann 4000', 'ann 3000', 'ann 2000', 'ann 1000', 'ann 0']);
    expect(await index.search('message', [talk], 7)).toHaveLength(7);
    expect((await idbSegments(db).all()).map(({ who }) => who.length)).toEqual([rowsPerSegment, rowsPerSegment, 10]);
  });
});

it('reads through 100,000 messages in less time than a person notices', () => {
  const words = Array.from({ length: 4000 }, (_, i) => ((i * 2654435761) >>> 0).toString(36));
  const segments: Segment[] = Array.from({ length: 50 }, (_, number) =>
    withRows(
      emptySegment(talk, number),
      Array.from({ length: rowsPerSegment }, (__, row) => ({
        device: row % 2 ? ann : bob,
        sequence: row,
        at: row,
        words: Array.from({ length: 12 }, (___, i) => words[(row * 31 + i * 977 + number * 13) % words.length]).join(
          ' ',
        ),
      })),
    ),
  );
  const search = (terms: string[]) => segments.flatMap((segment) => hitsIn(segment, terms, 100));
  search(['warm']);
  for (const terms of [['zzzzqqqq'], [words[17] ?? ''], [words[5]?.slice(0, 3) ?? '', words[99] ?? '']]) {
    const started = performance.now();
    search(terms);
    expect(performance.now() - started, terms.join(' ')).toBeLessThan(100);
  }
});
