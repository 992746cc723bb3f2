/**
 * Keeps the packed text of all conversations in step with the feeds, and searches it. How far each feed was taken is stored together with the
 * text, so a crash costs nothing but taking it up again. The text is in memory only while somebody searches.
 */
import type { Causeway } from '../../../engine/causeway.ts';
import { Serial } from '../../../engine/feed/serial.ts';
import type { EntryRef } from '../../../protocol/entry.ts';
import type { ConversationId, DeviceId } from '../../../protocol/ids.ts';
import { emptySegment, hitsIn, joined, rowOf, rowsPerSegment, termsOf, withRows, withWords } from './search-text.ts';
import type { Hit, Row, Segment } from './search-text.ts';

/** How much of a conversation is in segments. */
export interface SegmentHead {
  conversation: ConversationId;
  segments: number;
  taken: (readonly [DeviceId, number])[];
  /** The names of files are in it; earlier versions left them out. */
  names?: true;
}

/** Durable segments of one account. `put` is all or nothing; `gone` are numbers of segments that are in another one now. */
export interface SegmentStore {
  heads(): Promise<SegmentHead[]>;
  segment(conversation: ConversationId, number: number): Promise<Segment | undefined>;
  all(): Promise<Segment[]>;
  put(head: SegmentHead, segments: readonly Segment[], gone?: readonly number[]): Promise<void>;
}

export interface SearchSource {
  feeds: Pick<Causeway['feeds'], 'frontier' | 'range'>;
  messages: Pick<Causeway['messages'], 'words'>;
}

const entriesAtATime = 1000;
/** Full segments that become one: as much is read twice as fast in a few large ones, and writing a large one for each message would take long. */
const joinedSegments = 5;

/** By number, with gaps where segments were joined. */
type Held = Map<ConversationId, (Segment | undefined)[]>;

export class SearchIndex {
  readonly #line = new Serial();
  readonly #heads = new Map<ConversationId, SegmentHead>();
  /** Ascending by number; absent while nobody searches. */
  #held: Promise<Held> | undefined;
  #searching = false;

  constructor(
    private readonly store: SegmentStore,
    private readonly source: SearchSource,
  ) {}

  async load(): Promise<void> {
    for (const head of await this.store.heads())
      this.#heads.set(head.conversation, head.names ? head : await this.#emptied(head));
  }

  /** Takes what was committed since it was last asked. */
  take(conversation: ConversationId): Promise<void> {
    return this.#line.run(() => this.#take(conversation));
  }

  /** Messages say something else now, or nothing. */
  altered(conversation: ConversationId, messages: readonly EntryRef[]): Promise<void> {
    return this.#line.run(async () => {
      for (const message of messages) await this.#alter(conversation, message);
    });
  }

  /** Somebody is about to search: the text is read now, so that their first answer does not wait for it. It is held until `end`. */
  begin(): Promise<void> {
    this.#searching = true;
    return this.#line.run(async () => {
      if (this.#searching) await this.#text();
    });
  }

  end(): void {
    this.#searching = false;
    this.#held = undefined;
  }

  /** The newest messages with all words of the query, newest first. */
  search(query: string, among: readonly ConversationId[], limit: number): Promise<Hit[]> {
    const terms = termsOf(query);
    if (terms.length === 0) return Promise.resolve([]);
    return this.#line.run(async () => {
      for (const conversation of among) await this.#take(conversation);
      const held = await this.#text();
      const hits = among.flatMap((conversation) => {
        const found: Hit[] = [];
        const segments = held.get(conversation) ?? [];
        for (let i = segments.length - 1; i >= 0 && found.length < limit; i--) {
          const segment = segments[i];
          if (segment) found.push(...hitsIn(segment, terms, limit - found.length));
        }
        return found;
      });
      return hits.sort((a, b) => b.at - a.at).slice(0, limit);
    });
  }

  #text(): Promise<Held> {
    if (this.#held) return this.#held;
    const reading = this.store.all().then(bySegment);
    if (!this.#searching) return reading;
    this.#held = reading;
    // The next search reads it again; this one says what was wrong.
    reading.catch(() => {
      if (this.#held === reading) this.#held = undefined;
    });
    return reading;
  }

  async #take(conversation: ConversationId): Promise<void> {
    const { feeds, messages } = this.source;
    for (const [device, length] of await feeds.frontier(conversation)) {
      for (;;) {
        const head = this.#headOf(conversation);
        const from = new Map(head.taken).get(device) ?? 0;
        if (from >= length) break;
        const entries = await feeds.range(conversation, device, from, Math.min(entriesAtATime, length - from));
        if (entries.length === 0) break;
        const words = await messages.words(conversation, entries);
        const rows = entries.flatMap(({ sequence, wall }, index): Row[] => {
          const said = words[index];
          return said ? [{ device, sequence, at: wall, words: said }] : [];
        });
        await this.#append(head, rows, [...new Map(head.taken).set(device, from + entries.length)]);
      }
    }
  }

  async #append(head: SegmentHead, rows: readonly Row[], taken: SegmentHead['taken']): Promise<void> {
    const { conversation } = head;
    const changed = new Map<number, Segment>();
    const gone: number[] = [];
    let last = head.segments > 0 ? await this.store.segment(conversation, head.segments - 1) : undefined;
    for (let done = 0; done < rows.length;) {
      if (!last || last.who.length >= rowsPerSegment) {
        const number = (last?.number ?? -1) + 1;
        const whole = last && (await this.#joined(last));
        if (whole) {
          changed.set(whole.number, whole);
          for (let inside = whole.number + 1; inside < number; inside++) gone.push(inside);
        }
        last = emptySegment(conversation, number);
      }
      const some = rows.slice(done, done + rowsPerSegment - last.who.length);
      last = withRows(last, some);
      changed.set(last.number, last);
      done += some.length;
    }
    const after = {
      conversation,
      segments: Math.max(head.segments, (last?.number ?? -1) + 1),
      taken,
      names: true as const,
    };
    for (const number of gone) changed.delete(number);
    await this.#keep(after, [...changed.values()], gone);
  }

  /** With the full ones before it, once there are enough. */
  async #joined(last: Segment): Promise<Segment | undefined> {
    if ((last.number + 1) % joinedSegments !== 0) return undefined;
    const numbers = Array.from({ length: joinedSegments - 1 }, (_, index) => last.number + 1 - joinedSegments + index);
    const before = await Promise.all(numbers.map((number) => this.store.segment(last.conversation, number)));
    const full = before.flatMap((one) => (one?.who.length === rowsPerSegment ? [one] : []));
    const [first, ...others] = full;
    return first && full.length === numbers.length ? joined(first, [...others, last]) : undefined;
  }

  /** What an earlier version took is taken anew; its segments are filled from the last on. */
  async #emptied({ conversation, segments }: SegmentHead): Promise<SegmentHead> {
    const head: SegmentHead = { conversation, segments, taken: [], names: true };
    const numbers = Array.from({ length: segments }, (_, number) => number);
    await this.store.put(
      head,
      numbers.map((number) => emptySegment(conversation, number)),
    );
    return head;
  }

  async #alter(conversation: ConversationId, { device, sequence }: EntryRef): Promise<void> {
    const head = this.#headOf(conversation);
    if (sequence >= (new Map(head.taken).get(device) ?? 0)) return; // taken later, as it is then
    const [entry] = await this.source.feeds.range(conversation, device, sequence, 1);
    const [words = ''] = entry ? await this.source.messages.words(conversation, [entry]) : [];
    for (let number = head.segments - 1; number >= 0; number--) {
      const segment = await this.store.segment(conversation, number);
      const row = segment ? rowOf(segment, device, sequence) : -1;
      if (!segment || row < 0) continue;
      await this.#keep(head, [withWords(segment, row, words)]);
      return;
    }
  }

  #headOf(conversation: ConversationId): SegmentHead {
    return this.#heads.get(conversation) ?? { conversation, segments: 0, taken: [], names: true };
  }

  async #keep(head: SegmentHead, segments: readonly Segment[], gone: readonly number[] = []): Promise<void> {
    await this.store.put(head, segments, gone);
    this.#heads.set(head.conversation, head);
    const held = await this.#held;
    const ours = held?.get(head.conversation) ?? [];
    for (const segment of segments) ours[segment.number] = segment;
    for (const number of gone) ours[number] = undefined;
    held?.set(head.conversation, ours);
  }
}

function bySegment(all: readonly Segment[]): Held {
  const found: Held = new Map();
  for (const segment of all) {
    const ours = found.get(segment.conversation) ?? [];
    ours[segment.number] = segment;
    found.set(segment.conversation, ours);
  }
  return found;
}
