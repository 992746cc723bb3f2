/** From the entries of a window to what the list of messages shows. Pure. */
import type { Causeway } from '../../../engine/causeway.ts';
import { fileKey, standingOf, type OfferRecord } from '../../../engine/exchange/offer.ts';
import type { KnownFork } from '../../../engine/feed/log.ts';
import type { Annotation } from '../../../engine/messages/annotation.ts';
import { messageKey } from '../../../engine/messages/annotation.ts';
import type { Person } from '../../../engine/people/people.ts';
import type { StoredEntry } from '../../../engine/ports.ts';
import type { AccountId, DeviceId } from '../../../protocol/ids.ts';
import { fileName, shownName } from '../../../protocol/names.ts';
import { isEmoji } from '../emoji.ts';
import { fileCards, type CardExtras } from './file-cards.ts';
import { eventItems } from './group-events.ts';
import { faceOf, nameIn, type MemberFace } from './member-names.ts';
import { mentionsIn } from './mentions.ts';
import { authorsOf, type Author, type Talk } from './talk.ts';
import type { Read, Shown } from './timeline.ts';
import type { Delivery, MessageItem, MessagePlace, Quote, Reaction } from './views/messages.ts';

interface Authors {
  mine: string;
  theirs: string;
}

const quoteUnits = 160;

export const keyOf = (place: MessagePlace): string => messageKey(place.conversation, place);
const placeOf = ({ conversation, device, sequence }: MessagePlace): MessagePlace => ({
  conversation,
  device,
  sequence,
});

/** Whether an entry is seen in the list. */
export const isShown = ({ payload, annotation }: Shown): boolean =>
  ['text', 'offer', 'timer', 'unknown'].includes(payload.kind) ||
  (payload.kind === 'dropped' && annotation?.deleted === true);

export function itemsOf(
  engine: Causeway,
  read: readonly Read[],
  talk: Talk,
  author: Authors,
  extras: CardExtras,
  edges: { hasOlder: boolean; hasNewer: boolean },
): MessageItem[] {
  const items: MessageItem[] = [];
  const { person, group } = talk;
  const by = authorsOf(engine, talk, author);
  for (const { entry, payload, annotation, quoted } of read) {
    const { mine, name, by: who } = by(entry.device);
    const common = {
      key: keyOf(entry),
      at: entry.wall,
      ...(entry.clamped ? { clockAhead: true as const } : {}),
      mine,
      author: name,
      ...(who ? { by: who } : {}),
    };
    const said = () => ({
      ...(mine ? deliveredOf(engine, talk, entry) : { delivery: 'delivered' as const }),
      reactions: reactionsOf(engine, annotation, (account) => nameOf(talk, account, author)),
      ...(entry.conversation === talk.conversation ? { place: placeOf(entry) } : {}),
    });
    const record = payload.kind === 'offer' ? engine.transfers.get(payload.offer) : undefined;
    const message = ['text', 'offer', 'dropped'].includes(payload.kind);
    if (record?.deleted || (message && annotation?.deleted)) items.push({ ...common, kind: 'deleted' });
    else if (payload.kind === 'text')
      items.push({
        ...common,
        ...said(),
        kind: 'text',
        text: annotation?.edit?.text ?? payload.text,
        edited: annotation?.edit !== undefined,
        disappears: payload.expiresAfterMs !== undefined,
        mentions: mentionsIn(engine, talk, annotation?.edit?.text ?? payload.text),
        ...(payload.reply
          ? { quote: quoteOf({ ...payload.reply, conversation: entry.conversation }, quoted, by) }
          : {}),
      });
    else if (payload.kind === 'offer') {
      if (!record?.offered) continue;
      payload.files.forEach((file, index) => {
        if (file.thumbnail) extras.thumbnails.show(fileKey(payload.offer, index), file.thumbnail);
      });
      items.push({ ...common, ...said(), kind: 'files', files: fileCards(engine, record, talk, extras) });
    } else if (payload.kind === 'timer') items.push({ ...common, kind: 'timer', afterMs: payload.afterMs });
    else if (payload.kind === 'unknown') items.push({ ...common, kind: 'notice', notice: 'needs-newer-version' });
  }
  const [from, to] = [edges.hasOlder ? (items[0]?.at ?? 0) : 0, edges.hasNewer ? (items.at(-1)?.at ?? 0) : Infinity];
  if (group)
    for (const event of eventItems(
      group,
      engine.account.id,
      from,
      to,
      items.map(({ at }) => at),
    ))
      insertByTime(items, event);
  const insert = (item: MessageItem): void => {
    if (item.at >= from && item.at <= to) insertByTime(items, item);
  };
  for (const { device, foundAt } of forksIn(engine, talk)) {
    const { mine, name: who } = by(device);
    const name = deviceName(engine, talk, device);
    const common = { key: `forked/${device}`, at: foundAt, mine, author: mine ? author.mine : who };
    insert({ ...common, kind: 'notice', notice: 'forked', name });
  }
  if (!person) return items;
  for (const record of engine.transfers.all())
    if (record.account === person.account && record.offered?.knocked && !isOver(record, person))
      insert(knocked(engine, record, record.offered, talk, author, extras));
  for (const { name, at } of person.added ?? [])
    insert({
      key: `device-added/${at}/${name}`,
      at,
      mine: false,
      author: author.theirs,
      kind: 'notice',
      notice: 'device-added',
      name,
    });
  if (person.keysChangedAt !== undefined) {
    const common = { key: 'keys-changed', at: person.keysChangedAt, mine: false, author: author.theirs };
    insert({ ...common, kind: 'notice', notice: 'keys-changed' });
  }
  return items;
}

/** Of a group also those of its log. */
function forksIn(engine: Causeway, { conversation, earlier, group }: Talk): KnownFork[] {
  const all = [...earlier, conversation, ...(group ? [group.log] : [])];
  return all.flatMap((one) => [...engine.feeds.forks(one).values()]);
}

function deviceName(engine: Causeway, { person, group }: Talk, device: DeviceId): string {
  const own = engine.people.get(engine.account.id)?.everyDevice ?? [];
  const known = [...engine.devices, ...own, ...(person?.everyDevice ?? []), ...(group?.devices ?? [])];
  return shownName(known.find(({ id }) => id === device)?.name ?? '');
}

const nameOf = ({ group }: Talk, account: AccountId, author: Authors): string =>
  (group && nameIn(group, account)) || author.theirs;

/** How far an own message got; in a group it is read once everybody else has read it. */
function deliveredOf(
  engine: Causeway,
  { person, group }: Talk,
  entry: StoredEntry,
): { delivery: Delivery; readBy?: { faces: MemberFace[]; of: number } } {
  if (person) return { delivery: engine.deliveryOf(person, entry) };
  if (!group) return { delivery: 'queued' };
  const delivery = engine.deliveryIn(group, entry);
  if (!engine.choices.discretion.read) return { delivery };
  const readers = engine.readersOf(group, entry).flatMap((account) => faceOf(group, account) ?? []);
  const faces = readers.sort((a, b) => a.handle.localeCompare(b.handle));
  const of = (group.membership?.members.size ?? 1) - 1;
  return of > 0 ? { delivery: faces.length >= of ? 'read' : delivery, readBy: { faces, of } } : { delivery };
}

/** Between contacts an entry tells of each offer: one that has none and was withdrawn was deleted. */
const isOver = (record: OfferRecord, { relation }: Person): boolean =>
  record.deleted === true ||
  (relation === 'accepted' &&
    record.offered?.files.every((_, file) => standingOf(record, file) === 'cancelled') === true);

/** An offer that came as a knock has no entry yet. */
function knocked(
  engine: Causeway,
  record: OfferRecord,
  { at, mine }: NonNullable<OfferRecord['offered']>,
  talk: Talk,
  author: Authors,
  extras: CardExtras,
): MessageItem {
  const files = fileCards(engine, record, talk, extras);
  const common = { key: record.offer, at, mine, author: mine ? author.mine : author.theirs };
  return { ...common, kind: 'files', files, delivery: 'delivered', reactions: [] };
}

function quoteOf(place: MessagePlace, quoted: Shown | undefined, by: (device: DeviceId) => Author): Quote {
  const { name, apart: author = name } = by(place.device);
  const quote = { place: placeOf(place), author };
  if (!quoted || quoted.annotation?.deleted) return quote;
  const { payload, annotation } = quoted;
  if (payload.kind === 'text') return { ...quote, text: (annotation?.edit?.text ?? payload.text).slice(0, quoteUnits) };
  if (payload.kind === 'offer')
    return {
      ...quote,
      text: payload.files
        .map(({ name }) => fileName(name))
        .join(', ')
        .slice(0, quoteUnits),
    };
  return quote;
}

/** What is no single emoji is not shown: it would be a message in disguise. */
function reactionsOf(
  engine: Causeway,
  annotation: Annotation | undefined,
  nameOf: (account: AccountId) => string,
  ownName = engine.account.displayName || engine.account.handle,
): Reaction[] {
  const found = new Map<string, Reaction>();
  for (const [account, { emoji }] of annotation?.reactions ?? []) {
    if (emoji === undefined || !isEmoji(emoji)) continue;
    const mine = account === engine.account.id;
    const before = found.get(emoji) ?? { emoji, count: 0, mine: false, names: [] };
    const names = [...before.names, mine ? ownName : nameOf(account)];
    found.set(emoji, { emoji, count: before.count + 1, mine: before.mine || mine, names });
  }
  return [...found.values()];
}

function insertByTime(items: MessageItem[], item: MessageItem): void {
  const after = items.findLastIndex((other) => other.at <= item.at);
  items.splice(after + 1, 0, item);
}
