/**
 * Owns what members of a group let each other know beside its chat: who is writing now, and how far each has read. A note is signed by the device
 * that it is of and handed on over the links between members, so it reaches all without links between all; the newest receipt of each device is
 * also handed to whoever comes later. Nothing of it is an entry: a receipt of each member for each message would be more than the messages.
 */
import { fromBase64 } from '../../protocol/bytes.ts';
import { encodeCbor } from '../../protocol/codec.ts';
import { signedBytes } from '../../protocol/domains.ts';
import type { ControlFrame } from '../../protocol/frame.ts';
import type { AccountId, ConversationId, DeviceId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import { Serial } from '../feed/serial.ts';
import type { Link } from '../links/link.ts';
import type { Clock, DeviceKeys, Signatures } from '../ports.ts';
import { Delays } from './delays.ts';
import type { Group } from './group.ts';
import type { HandsOnTo } from './group-links.ts';

export type GroupNote = Extract<ControlFrame, { kind: 'note' }>;
type ReadUpTo = readonly (readonly [DeviceId, number])[];

export interface GroupNotesPorts {
  /** What devices agree on: whose own is wrong says who is writing all the same. */
  clock: Clock;
  keys: DeviceKeys;
  signatures: Signatures;
  groups(): readonly Group[];
  byChat(conversation: ConversationId): Group | undefined;
  /** To whom what is new in a conversation is told. */
  handsOnTo(conversation: ConversationId): HandsOnTo | undefined;
  links(): readonly Link[];
  isMine(device: DeviceId): boolean;
  /** How far this account has read in a chat, as it told before; nothing while it lets nobody know. What moved last stands last. */
  readHere(conversation: ConversationId): ReadonlyMap<DeviceId, number>;
  /** Somebody has read so far. */
  learnRead(conversation: ConversationId, account: AccountId, upTo: ReadUpTo): Promise<void>;
  report(problem: unknown): void;
}

/** A receipt waits for the next message for so long, and longer in large groups: 200 members tell 10 receipts a second at most. */
const receiptFirstMs = 800;
const receiptPerMemberMs = 100;
/** Between own notes: twice what others insist on, since the way is not always equally long. */
const ownIntervalMs = 2 * limits.groupNoteIntervalMs;
/**
 * Notes of one link that wait to be verified; who sends more is not listened to, and takes nothing from the others. Over a new link come the
 * newest receipts of each common group at once; all links together hold a few MB at most.
 */
const waitingPerLink = 2 * limits.groupNotesPerLink;

interface Known {
  /** Of each device: when it wrote its newest note, by its own clock, and when that came. */
  at: Map<DeviceId, { at: number; heardAt: number }>;
  receipts: Map<DeviceId, GroupNote>;
  /** Who is writing, with how to end the wait for their next word. */
  writing: Map<AccountId, () => void>;
  /** When this device said last that its person is writing, and when it told anything. */
  saidAt: number;
  toldAt: number;
  /** That its person is writing waits to be told. */
  saying: boolean;
  /** A receipt of this account waits to be told. */
  telling: boolean;
}

export class GroupNotes {
  readonly #known = new Map<ConversationId, Known>();
  readonly #line = new Serial();
  readonly #delays: Delays;
  readonly #waiting = new Map<Link, number>();

  constructor(
    private readonly ports: GroupNotesPorts,
    private readonly changed: (group: Group) => void,
  ) {
    this.#delays = new Delays(ports);
  }

  stop(): void {
    this.#delays.stop();
    for (const { writing } of this.#known.values()) for (const cancel of writing.values()) cancel();
  }

  /** Members who are writing now, who began first in front. */
  writing(group: Group): AccountId[] {
    return [...(this.#known.get(group.chat)?.writing.keys() ?? [])];
  }

  /** The person typed something. */
  tellWriting(group: Group): void {
    const known = this.#of(group.chat);
    const now = this.ports.clock.now();
    if (!group.me || known.saying || now - known.saidAt < limits.typingIntervalMs) return;
    const untilNextMs = known.toldAt + ownIntervalMs - now;
    if (untilNextMs > 0) {
      // A receipt was told: right after it nobody listens.
      known.saying = true;
      this.#delays.after(untilNextMs, async () => {
        if (known.saying) {
          known.saying = false;
          this.tellWriting(group);
        }
        await Promise.resolve();
      });
      return;
    }
    known.saidAt = now;
    this.#tell(group, []);
  }

  /** What was written was sent: the next message is told anew. */
  sent(conversation: ConversationId): void {
    const known = this.#known.get(conversation);
    if (!known) return;
    known.saidAt = -Infinity;
    known.saying = false;
  }

  /** The person has read more than before: told soon, with what else is read until then. */
  tellRead(group: Group): void {
    const known = this.#of(group.chat);
    if (known.telling) return;
    known.telling = true;
    const members = group.membership?.members.size ?? 0;
    this.#tellReadIn(group, known, receiptFirstMs + receiptPerMemberMs * members);
  }

  #tellReadIn(group: Group, known: Known, delayMs: number): void {
    this.#delays.after(delayMs, async () => {
      // Meanwhile the person began to write, perhaps: right after that nobody listens.
      const untilNextMs = known.toldAt + ownIntervalMs - this.ports.clock.now();
      if (untilNextMs > 0) {
        this.#tellReadIn(group, known, untilNextMs);
        return;
      }
      known.telling = false;
      const read = [...this.ports.readHere(group.chat)].slice(-limits.readFeeds);
      if (group.me && read.length > 0) this.#tell(group, read);
      await Promise.resolve();
    });
  }

  /** A member's message came: they have written it. */
  over(conversation: ConversationId, account: AccountId): void {
    const group = this.ports.byChat(conversation);
    const { writing } = this.#known.get(conversation) ?? {};
    const cancel = writing?.get(account);
    if (!group || !cancel) return;
    cancel();
    writing?.delete(account);
    this.changed(group);
  }

  linkOpened(link: Link): void {
    for (const group of this.ports.groups()) {
      if (!group.me || !group.device(link.device)) continue;
      const { receipts } = this.#of(group.chat);
      // Since a new start nothing was told, and before it what was about to be may not have been.
      if (!receipts.has(this.ports.keys.id) && this.ports.readHere(group.chat).size > 0) this.tellRead(group);
      const ofMembers = [...receipts.values()].filter(({ device }) => device !== link.device && group.device(device));
      for (const note of ofMembers.sort((a, b) => b.at - a.at).slice(0, limits.groupNotesPerLink)) link.control(note);
    }
  }

  onFrame(link: Link, note: GroupNote): void {
    const waiting = this.#waiting.get(link) ?? 0;
    if (waiting >= waitingPerLink || !this.#isNews(note)) return;
    this.#waiting.set(link, waiting + 1);
    this.#line
      .run(() => this.#take(link, note))
      .catch((problem: unknown) => this.ports.report(problem))
      .finally(() => this.#taken(link));
  }

  #taken(link: Link): void {
    const left = (this.#waiting.get(link) ?? 0) - 1;
    if (left > 0) this.#waiting.set(link, left);
    else this.#waiting.delete(link);
  }

  #isNews({ conversation, device, at, read }: GroupNote): boolean {
    const group = this.ports.byChat(conversation);
    // A member may be ahead of this device with who is in it: what is not understood is not held against anybody.
    if (!group?.me || !group.device(device) || device === this.ports.keys.id) return false;
    const now = this.ports.clock.now();
    const newest = this.#known.get(conversation)?.at.get(device);
    if (at > now + limits.wallSkewMs) return false;
    // Somebody may have kept it: who was writing then is not writing now.
    if (read.length === 0 && at < now - limits.wallSkewMs) return false;
    return !newest || (at > newest.at && now - newest.heardAt >= limits.groupNoteIntervalMs);
  }

  async #take(from: Link, note: GroupNote): Promise<void> {
    const group = this.ports.byChat(note.conversation);
    const sign = group?.device(note.device)?.sign;
    // Another neighbour may have been faster.
    if (!group || sign === undefined || !this.#isNews(note)) return;
    if (!(await this.ports.signatures.verify(fromBase64(sign), messageOf(note), note.signature))) return;
    const known = this.#of(note.conversation);
    known.at.set(note.device, { at: note.at, heardAt: this.ports.clock.now() });
    this.#spread(group, note, from);
    const account = group.accountOf(note.device);
    if (account === undefined || this.ports.isMine(note.device)) return;
    if (note.read.length === 0) {
      this.#heardWriting(group, known, account);
      return;
    }
    known.receipts.set(note.device, note);
    // What is shown is who has read what was written here.
    const ours = note.read.filter(([device]) => this.ports.isMine(device));
    if (ours.length > 0) await this.ports.learnRead(group.chat, account, ours);
    this.changed(group);
  }

  #heardWriting(group: Group, { writing }: Known, account: AccountId): void {
    const before = writing.get(account);
    before?.();
    const cancel = this.ports.clock.after(limits.typingShownMs, () => {
      writing.delete(account);
      this.changed(group);
    });
    writing.set(account, cancel);
    if (!before) this.changed(group);
  }

  #tell(group: Group, read: ReadUpTo): void {
    const { clock, keys } = this.ports;
    this.#of(group.chat).toldAt = clock.now();
    const said = {
      kind: 'note' as const,
      conversation: group.chat,
      device: keys.id,
      at: clock.now(),
      read: read.map(([device, length]): [DeviceId, number] => [device, length]),
    };
    this.#line
      .run(async () => {
        const note = { ...said, signature: await keys.sign(messageOf(said)) };
        if (read.length > 0) this.#of(group.chat).receipts.set(keys.id, note);
        this.#spread(group, note);
      })
      .catch((problem: unknown) => this.ports.report(problem));
  }

  #spread(group: Group, note: GroupNote, from?: Link): void {
    const near = this.ports.handsOnTo(group.chat);
    for (const link of this.ports.links())
      if (link !== from && link.device !== note.device && near?.has(link.device)) link.control(note);
  }

  #of(conversation: ConversationId): Known {
    const known = this.#known.get(conversation) ?? {
      at: new Map(),
      receipts: new Map(),
      writing: new Map(),
      saidAt: -Infinity,
      toldAt: -Infinity,
      saying: false,
      telling: false,
    };
    this.#known.set(conversation, known);
    return known;
  }
}

const messageOf = ({ conversation, device, at, read }: Omit<GroupNote, 'kind' | 'signature'>) =>
  signedBytes('causeway/group-note/1', encodeCbor([conversation, device, at, read]));
