/** The entries of the open conversation, in memory, and how they become what the list of messages shows. */
import type { Causeway } from '../../../engine/causeway.ts';
import { fileKey, type OfferRecord } from '../../../engine/exchange/offer.ts';
import { compareEntries } from '../../../engine/feed/order.ts';
import { readPayload, type ReadPayload } from '../../../engine/feed/payload.ts';
import type { Person } from '../../../engine/people/people.ts';
import { shownName } from '../../../protocol/names.ts';
import type { StoredEntry } from '../../../engine/ports.ts';
import { fileCards, type CardExtras } from './file-cards.ts';
import type { MessageItem } from './view.ts';

/** Entries of a conversation that are kept in memory; older ones are read when somebody scrolls there. */
const newestEntries = 2000;

interface Read {
  entry: StoredEntry;
  payload: ReadPayload;
}

export class Timeline {
  #read: Read[] = [];
  readonly #known = new Set<string>();

  constructor(
    private readonly engine: Causeway,
    readonly account: Person['account'],
    /** Messages that were unread when the conversation was opened. */
    readonly unreadAtOpen: number,
    private readonly extras: CardExtras,
  ) {}

  async load(person: Person): Promise<void> {
    for (const conversation of [...person.earlier, person.conversation])
      this.add(person, await this.engine.feeds.history(conversation, newestEntries));
  }

  add(person: Person, entries: readonly StoredEntry[]): void {
    // What was written under earlier keys comes first: Lamport times of two conversations say nothing of each other.
    const eras = [...person.earlier, person.conversation];
    for (const entry of entries) {
      const key = keyOf(entry);
      if (this.#known.has(key)) continue;
      this.#known.add(key);
      this.#read.push({ entry, payload: readPayload(entry) });
    }
    this.#read.sort(
      (a, b) =>
        eras.indexOf(a.entry.conversation) - eras.indexOf(b.entry.conversation) || compareEntries(a.entry, b.entry),
    );
  }

  items(person: Person, author: { mine: string; theirs: string }): { items: MessageItem[]; firstUnread: number } {
    const items: MessageItem[] = [];
    const shown = new Set<string>();
    const theirs = new Set(person.everyDevice.map(({ id }) => id));
    for (const { entry, payload } of this.#read) {
      // Two people write here: a device of neither chain is one of this account from before its keys were replaced.
      const self = this.engine.people.isSelf(person.account);
      const mine = self
        ? entry.device === this.engine.device
        : this.engine.isMine(entry.device) || !theirs.has(entry.device);
      // Among one's own devices, the name of the device says who wrote.
      const device = self ? person.everyDevice.find(({ id }) => id === entry.device)?.name : undefined;
      const name = shownName(device ?? '') || (mine ? author.mine : author.theirs);
      const common = { key: keyOf(entry), at: entry.wall, mine, author: name };
      const delivery = mine
        ? this.engine.conversations.deliveryOf(
            entry.conversation,
            entry.sequence,
            person.everyDevice.map(({ id }) => id),
            entry.device,
          )
        : 'delivered';
      if (payload.kind === 'text') items.push({ ...common, kind: 'text', text: payload.text, delivery });
      else if (payload.kind === 'offer') {
        const record = this.engine.transfers.get(payload.offer);
        if (!record?.offered) continue;
        shown.add(payload.offer);
        payload.files.forEach((file, index) => {
          if (file.thumbnail) this.extras.thumbnails.show(fileKey(payload.offer, index), file.thumbnail);
        });
        items.push({
          ...common,
          kind: 'files',
          files: fileCards(this.engine, record, person, this.extras),
          delivery,
        });
      } else if (payload.kind === 'unknown') items.push({ ...common, kind: 'notice', notice: 'needs-newer-version' });
    }
    for (const record of this.engine.transfers.all())
      if (record.account === person.account && !shown.has(record.offer))
        this.#addKnocked(items, record, person, author.theirs);
    for (const { name, at } of person.added ?? [])
      insertByTime(items, {
        key: `device-added/${at}/${name}`,
        at,
        mine: false,
        author: author.theirs,
        kind: 'notice',
        notice: 'device-added',
        name,
      });
    if (person.keysChangedAt !== undefined)
      insertByTime(items, {
        key: 'keys-changed',
        at: person.keysChangedAt,
        mine: false,
        author: author.theirs,
        kind: 'notice',
        notice: 'keys-changed',
      });
    return { items, firstUnread: firstUnreadOf(items, this.unreadAtOpen) };
  }

  /** An offer that came as a knock has no entry yet. */
  #addKnocked(items: MessageItem[], record: OfferRecord, person: Person, author: string): void {
    if (!record.offered?.knocked) return;
    const files = fileCards(this.engine, record, person, this.extras);
    insertByTime(items, {
      key: record.offer,
      at: record.offered.at,
      mine: record.offered.mine,
      author,
      kind: 'files',
      files,
      delivery: 'delivered',
    });
  }
}

const keyOf = (entry: StoredEntry): string => `${entry.conversation}/${entry.device}/${entry.sequence}`;

function insertByTime(items: MessageItem[], item: MessageItem): void {
  const after = items.findLastIndex((other) => other.at <= item.at);
  items.splice(after + 1, 0, item);
}

function firstUnreadOf(items: readonly MessageItem[], unread: number): number {
  if (unread === 0) return -1;
  let left = unread;
  for (let index = items.length - 1; index >= 0; index--) {
    const item = items[index];
    if (!item || item.mine || item.kind === 'notice') continue;
    if (--left === 0) return index;
  }
  return -1;
}
