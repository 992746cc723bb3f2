/**
 * Owns people who write one group's log, each with a view of their own: what they have not heard of they do not know. Whoever is honest does
 * only what the view allows; anybody can also write whatever they like, wherever their feed allows it.
 */
import { toBase64, type Bytes } from '../../protocol/bytes.ts';
import { encodeCbor } from '../../protocol/codec.ts';
import type { FeedLengths, GroupPayload } from '../../protocol/group.ts';
import type { AccountId, ConversationId, InvitationId, PublicKey } from '../../protocol/ids.ts';
import { joinMessage, logIdOf, type LogEntry } from '../groups/log-entry.ts';
import { GroupLog, type GroupState } from '../groups/group-log.ts';
import { TestAccount, testKeys, type TestKeys } from './accounts.ts';
import { cheapDevice, cheapSignatures, hashes } from './keys.ts';

export interface Writer {
  index: number;
  account: TestAccount;
  keys: TestKeys;
  /** Entries that this person has, its own among them. */
  view: Set<LogEntry>;
  feed: LogEntry[];
}

export const invitationKey = (number: number) => {
  const device = cheapDevice(50_000 + number);
  const { publicKey, id } = device;
  return { publicKey, id: id as string as InvitationId, sign: (message: Uint8Array) => device.sign(message) };
};

export class GroupWorld {
  readonly writers: Writer[] = [];
  readonly entries: LogEntry[] = [];
  id!: ConversationId;

  static async create(people: number): Promise<GroupWorld> {
    const world = new GroupWorld();
    for (let index = 0; index < people; index++) {
      const keys = await testKeys(index + 1);
      const account = await TestAccount.create(index, keys.device);
      world.writers.push({ index, account, keys, view: new Set(), feed: [] });
    }
    const founder = world.writer(0);
    const nonce = new Uint8Array(32);
    world.id = await logIdOf({ account: founder.account.id, root: founder.account.rootKey, nonce }, hashes);
    await world.write(founder, { kind: 'group-create', ...world.identity(founder), nonce });
    return world;
  }

  writer(index: number): Writer {
    const writer = this.writers[index % this.writers.length];
    if (!writer) throw new Error('nobody there');
    return writer;
  }

  byRoot(root: PublicKey): Writer | undefined {
    return this.writers.find(({ account }) => account.rootKey === root);
  }

  identity({ account }: Writer): {
    account: AccountId;
    root: PublicKey;
    handle: string;
    displayName: string;
    lists: TestAccount['lists'];
  } {
    return {
      account: account.id,
      root: account.rootKey,
      handle: account.handle,
      displayName: account.handle,
      lists: account.lists,
    };
  }

  /** @param lamport after all that the writer has heard of, or, dated back, what it says. */
  async write(writer: Writer, payload: GroupPayload, lamport?: number): Promise<LogEntry> {
    const own = writer.feed.at(-1)?.lamport ?? 0;
    const heard = Math.max(0, ...[...writer.view].map((entry) => entry.lamport));
    const entry: LogEntry = {
      device: writer.keys.id,
      sequence: writer.feed.length,
      lamport: Math.max(own + 1, lamport ?? heard + 1),
      at: this.entries.length,
      hash: toBase64(await hashes.sha256(encodeCbor([writer.keys.id, writer.feed.length]))),
      payload,
    };
    writer.feed.push(entry);
    writer.view.add(entry);
    this.entries.push(entry);
    return entry;
  }

  async stateFor(writer: Writer): Promise<GroupState | undefined> {
    return this.stateOf([...writer.view]);
  }

  async stateOf(entries: readonly LogEntry[]): Promise<GroupState | undefined> {
    const log = new GroupLog(this.id, { hashes, signatures: cheapSignatures });
    await log.add(entries);
    return log.state();
  }

  /** How far a person's feed is known to the writer. */
  lengths(writer: Writer, of: Writer): FeedLengths {
    const known = [...writer.view].filter(({ device }) => device === of.keys.id);
    return [[of.keys.id, Math.max(-1, ...known.map(({ sequence }) => sequence)) + 1]];
  }

  async proof(invitation: number, joiner: Writer): Promise<Bytes> {
    const key = invitationKey(invitation);
    return key.sign(joinMessage(key.id, joiner.account.id, joiner.account.rootKey));
  }

  hear(writer: Writer, entries: Iterable<LogEntry>): void {
    for (const entry of entries) writer.view.add(entry);
  }
}

/** All that must be the same for everybody. */
export function summaryOf(state: GroupState | undefined) {
  if (!state) return undefined;
  const { membership } = state;
  return {
    owner: membership.owner,
    members: [...membership.members.values()].map(({ root, role }) => `${root} ${role}`).sort(),
    open: [...membership.invitations.values()]
      .filter(({ open }) => open)
      .map(({ invitation }) => invitation)
      .sort(),
    deleted: membership.deleted,
  };
}
