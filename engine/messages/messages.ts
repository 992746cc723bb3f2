/**
 * What entries say of messages: edits, deletions, reactions, how far somebody has read, after what time messages disappear. All of it follows
 * from the feeds and may be taken twice; what is kept is kept so that nobody has to read a whole conversation to show a page of it.
 */
import type { EntryRef, OfferedFile, Payload } from '../../protocol/entry.ts';
import type { AccountId, ConversationId, DeviceId, OfferId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { Feeds } from '../feed/log.ts';
import { compareEntries, type Position } from '../feed/order.ts';
import { readPayload, type ReadPayload } from '../feed/payload.ts';
import type { Clock, StoredEntry } from '../ports.ts';
import type { Lookup, Records } from '../records.ts';
import { messageKey, plain, withDeletion, withEdit, withReaction, type Annotation } from './annotation.ts';
import { Expiries, type Expiry } from './expiries.ts';

/** What is known of one conversation, beside its messages. */
export interface ConversationMarks {
  conversation: ConversationId;
  /** How far each person has said to have read, per feed; what moved last stands last. */
  read: (readonly [AccountId, (readonly [DeviceId, number])[]])[];
  /** Length of each feed up to its last message. */
  messages: (readonly [DeviceId, number])[];
  timer?: { afterMs: number; place: Position };
  /** Messages of which something was said before they came. */
  early: EntryRef[];
}

export interface MessagesPorts {
  feeds: Feeds;
  clock: Clock;
  annotations: Lookup<Annotation>;
  marks: Records<ConversationMarks>;
  expiries: Records<Expiry>;
  /** An offer, made with an entry of this device, was deleted by its author. Resolves when that is durable. */
  offerDeleted(conversation: ConversationId, device: DeviceId, offer: OfferId): Promise<void>;
  /** The time of messages was up: they are gone. */
  altered(conversation: ConversationId, messages: readonly EntryRef[]): Promise<void>;
  /** Runs in line with what is taken in; for what time brings. */
  later(work: () => Promise<void>): void;
}

/** Whose device it is, within one conversation. */
export type PersonOf = (device: DeviceId) => AccountId;

/** What can be edited, and deleted. What is gone may have been a text. */
const changeable: Record<'edit' | 'delete', readonly ReadPayload['kind'][]> = {
  edit: ['text', 'dropped'],
  delete: ['text', 'offer', 'dropped'],
};

/** Messages of other devices of a person that are awaited: more are not one person's doing. */
const earlyMax = 256;

const samePlace = (a: EntryRef, b: EntryRef): boolean => a.device === b.device && a.sequence === b.sequence;

export class Messages {
  readonly #marks = new Map<ConversationId, ConversationMarks>();
  /** Receipts that were given out and have not come back as entries yet. */
  readonly #told = new Map<ConversationId, ReadonlyMap<DeviceId, number>>();
  readonly #expiries: Expiries;

  constructor(private readonly ports: MessagesPorts) {
    this.#expiries = new Expiries({
      clock: ports.clock,
      records: ports.expiries,
      due: (expiries) => ports.later(() => this.#expire(expiries)),
    });
  }

  async load(): Promise<void> {
    for (const marks of await this.ports.marks.all()) this.#marks.set(marks.conversation, marks);
    await this.#expiries.load();
  }

  begin(): void {
    this.#expiries.begin();
  }

  stop(): void {
    this.#expiries.stop();
  }

  /** In the order of `messages`. */
  async annotations(conversation: ConversationId, messages: readonly EntryRef[]): Promise<(Annotation | undefined)[]> {
    return this.ports.annotations.get(messages.map((one) => messageKey(conversation, one)));
  }

  /** How far a person has read each feed. */
  readBy(conversation: ConversationId, account: AccountId): ReadonlyMap<DeviceId, number> {
    return new Map(this.#of(conversation).read.find(([one]) => one === account)?.[1]);
  }

  /** Who has read an entry, as they say. */
  readersOf(conversation: ConversationId, { device, sequence }: EntryRef): AccountId[] {
    const reaches = ([feed, length]: readonly [DeviceId, number]) => feed === device && length > sequence;
    return this.#of(conversation).read.flatMap(([account, upTo]) => (upTo.some(reaches) ? [account] : []));
  }

  /** After how long new texts disappear; 0 when they stay. */
  timerMs(conversation: ConversationId): number {
    return this.#of(conversation).timer?.afterMs ?? 0;
  }

  /** What entries of one conversation say now, edits in; absent for what is no message, or is gone. Files say their names, but for what is spoken. */
  async words(conversation: ConversationId, entries: readonly StoredEntry[]): Promise<readonly (string | undefined)[]> {
    const annotations = await this.annotations(conversation, entries);
    return entries.map((entry, index) => {
      const payload = readPayload(entry);
      const annotation = annotations[index];
      if (annotation?.deleted) return undefined;
      if (payload.kind === 'offer') return namesOf(payload.files);
      return payload.kind === 'text' ? (annotation?.edit?.text ?? payload.text) : undefined;
    });
  }

  /** Takes committed entries of one conversation, and names the messages that they alter. `own` is the account of this device. */
  async take(entries: readonly StoredEntry[], personOf: PersonOf, own: AccountId): Promise<EntryRef[]> {
    const conversation = entries[0]?.conversation;
    if (conversation === undefined) return [];
    let marks = this.#of(conversation);
    const altered: EntryRef[] = [];
    for (const entry of entries) {
      const payload = readPayload(entry);
      const { device, sequence, lamport } = entry;
      const place = { device, sequence, lamport };
      switch (payload.kind) {
        case 'text':
        case 'offer':
        case 'dropped': {
          if (payload.kind !== 'dropped') marks = withMessage(marks, place);
          if (payload.kind === 'text' && payload.expiresAfterMs !== undefined) {
            const mine = personOf(device) === own;
            const expiry = { conversation, device, sequence, afterMs: payload.expiresAfterMs };
            await this.#expiries.add(expiry, mine ? entry.wall : undefined);
          }
          if (!marks.early.some((ref) => samePlace(ref, place))) break;
          await this.#cameLate(conversation, place, payload);
          altered.push(place);
          marks = { ...marks, early: marks.early.filter((ref) => !samePlace(ref, place)) };
          break;
        }
        case 'edit':
        case 'delete':
          if (personOf(payload.of.device) !== personOf(device)) break;
          if (payload.of.device === device && payload.of.sequence >= sequence) break; // of what was not written yet
          if (await this.#change(conversation, payload, place)) marks = withEarly(marks, payload.of);
          altered.push(payload.of);
          break;
        case 'react':
          await this.#annotate(conversation, payload.to, (before) =>
            withReaction(before, personOf(device), payload.emoji, place),
          );
          altered.push(payload.to);
          break;
        case 'read':
          marks = withRead(marks, personOf(device), payload.upTo);
          break;
        case 'timer':
          if (!marks.timer || compareEntries(place, marks.timer.place) > 0)
            marks = { ...marks, timer: { afterMs: payload.afterMs, place } };
          break;
        default:
          break; // says nothing of messages
      }
    }
    if (marks !== this.#marks.get(conversation)) await this.#keep(marks);
    return altered;
  }

  /** What there is of a conversation was on the screen. Gives the receipt that says so, once, if it is to be told and is news. */
  async seen(
    conversation: ConversationId,
    personOf: PersonOf,
    { own, tell }: { own: AccountId; tell: boolean },
  ): Promise<Extract<Payload, { kind: 'read' }> | undefined> {
    await this.#expiries.seen(conversation);
    if (!tell) return undefined;
    const before = new Map([...this.readBy(conversation, own), ...(this.#told.get(conversation) ?? [])]);
    const upTo = this.#of(conversation)
      .messages.filter(([device, length]) => personOf(device) !== own && length > (before.get(device) ?? 0))
      .slice(0, limits.readFeeds)
      .map(([device, length]): [DeviceId, number] => [device, length]);
    if (upTo.length === 0) return undefined;
    this.#told.set(conversation, new Map([...before, ...upTo]));
    return { kind: 'read', upTo };
  }

  /** Somebody of a group has read so far, as they say beside the chat. */
  async learnRead(
    conversation: ConversationId,
    account: AccountId,
    upTo: readonly (readonly [DeviceId, number])[],
  ): Promise<void> {
    const known = this.readBy(conversation, account);
    if (upTo.some(([device, length]) => length > (known.get(device) ?? 0)))
      await this.#keep(withRead(this.#of(conversation), account, upTo));
  }

  /** Says whether the message that it is about is not there yet. */
  async #change(
    conversation: ConversationId,
    payload: Extract<Payload, { kind: 'edit' | 'delete' }>,
    place: Position,
  ): Promise<boolean> {
    const { feeds } = this.ports;
    // What only came ahead is not here yet: what is said of it waits for it.
    const target = await feeds.committedAt(conversation, payload.of.device, payload.of.sequence);
    const said = target && readPayload(target);
    if (said && !changeable[payload.kind].includes(said.kind)) {
      // Words that replace none say nothing, whatever came first.
      if (payload.kind === 'edit') await feeds.drop(conversation, [place]);
      return false;
    }
    if (payload.kind === 'delete') {
      const { edits } = await this.#annotate(conversation, payload.of, withDeletion);
      await this.#takeBack(conversation, payload.of, said, edits);
    } else {
      if (said?.kind !== 'dropped') {
        const { deleted } = await this.#annotate(conversation, payload.of, (before) =>
          withEdit(before, payload.text, place),
        );
        if (!deleted) return target === undefined;
      }
      // What it replaces is gone: so are these words.
      await feeds.drop(conversation, [place]);
    }
    return target === undefined;
  }

  /** A message came after what was said of it. */
  async #cameLate(conversation: ConversationId, place: Position, said: ReadPayload): Promise<void> {
    const [annotation] = await this.annotations(conversation, [place]);
    if (annotation?.deleted) await this.#takeBack(conversation, place, said, []);
    else if (said.kind === 'offer' && annotation) await this.ports.feeds.drop(conversation, annotation.edits);
    else if (said.kind === 'dropped' && annotation) await this.#forget(conversation, place);
  }

  /** A deleted message and its edits leave this device; the offer first: after a crash in between only the payload tells which it was. */
  async #takeBack(
    conversation: ConversationId,
    message: EntryRef,
    said: ReadPayload | undefined,
    edits: readonly EntryRef[],
  ): Promise<void> {
    if (said?.kind === 'offer') await this.ports.offerDeleted(conversation, message.device, said.offer);
    await this.ports.feeds.drop(conversation, [message, ...edits]);
  }

  /** A text, its edits and what was said of it leave this device. */
  async #forget(conversation: ConversationId, message: EntryRef): Promise<void> {
    const [annotation] = await this.annotations(conversation, [message]);
    await this.ports.feeds.drop(conversation, [message, ...(annotation?.edits ?? [])]);
    if (annotation && !annotation.deleted) await this.ports.annotations.delete(messageKey(conversation, message));
  }

  async #expire(expiries: readonly Expiry[]): Promise<void> {
    for (const expiry of expiries) {
      await this.#forget(expiry.conversation, expiry);
      await this.ports.altered(expiry.conversation, [{ device: expiry.device, sequence: expiry.sequence }]);
      await this.#expiries.done(expiry);
    }
  }

  async #annotate(
    conversation: ConversationId,
    message: EntryRef,
    fold: (before: Annotation) => Annotation,
  ): Promise<Annotation> {
    const [before = plain] = await this.annotations(conversation, [message]);
    const after = fold(before);
    if (after !== before) await this.ports.annotations.put(messageKey(conversation, message), after);
    return after;
  }

  #of(conversation: ConversationId): ConversationMarks {
    const known = this.#marks.get(conversation);
    if (known) return known;
    const fresh: ConversationMarks = { conversation, read: [], messages: [], early: [] };
    this.#marks.set(conversation, fresh);
    return fresh;
  }

  async #keep(marks: ConversationMarks): Promise<void> {
    await this.ports.marks.put(marks.conversation, marks);
    this.#marks.set(marks.conversation, marks);
  }
}

function withMessage(marks: ConversationMarks, { device, sequence }: EntryRef): ConversationMarks {
  const messages = new Map(marks.messages);
  if ((messages.get(device) ?? 0) > sequence) return marks;
  return { ...marks, messages: [...messages.set(device, sequence + 1)] };
}

function withEarly(marks: ConversationMarks, message: EntryRef): ConversationMarks {
  if (marks.early.some((ref) => samePlace(ref, message))) return marks;
  return { ...marks, early: [...marks.early, message].slice(-earlyMax) };
}

function withRead(
  marks: ConversationMarks,
  account: AccountId,
  upTo: readonly (readonly [DeviceId, number])[],
): ConversationMarks {
  const all = new Map(marks.read);
  const lengths = new Map(all.get(account));
  for (const [device, length] of upTo) {
    const before = lengths.get(device) ?? 0;
    if (length <= before) continue;
    lengths.delete(device); // what moved last stands last
    lengths.set(device, length);
  }
  return { ...marks, read: [...all.set(account, [...lengths])] };
}

const namesOf = (files: readonly Pick<OfferedFile, 'name' | 'voice'>[]): string =>
  files.flatMap(({ name, voice }) => (voice ? [] : [name])).join(', ');
