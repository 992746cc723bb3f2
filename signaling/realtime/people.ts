/** Who is told what about whom: contacts with their relation, presence for accepted contacts and fellows in a group alone, one's own account on one's other devices. */
import { ownAccount, publicAccount } from '../accounts/views.ts';
import type { AccountId } from '../../protocol/ids.ts';
import type { Contact } from '../../protocol/people.ts';
import { otherOf, relationOf, sinceOf } from '../store/relations.ts';
import type { AccountRecord, PairRecord, Store } from '../store/store.ts';
import type { Connection } from './connection.ts';
import type { Directory } from './directory.ts';
import type { Groups } from './groups.ts';
import type { LastSeen } from './last-seen.ts';

export class People {
  readonly #store: Store;
  readonly #directory: Directory;
  readonly #lastSeen: LastSeen;
  readonly #groups: Groups;

  constructor(store: Store, directory: Directory, lastSeen: LastSeen, groups: Groups) {
    this.#store = store;
    this.#directory = directory;
    this.#lastSeen = lastSeen;
    this.#groups = groups;
  }

  /** `other` as `viewer` may see them. */
  contact(viewer: AccountId, other: AccountRecord, pair: PairRecord | undefined): Contact {
    const relation = relationOf(pair, viewer);
    const lastSeenAt = this.#lastSeen.of(other);
    return {
      account: publicAccount(other),
      relation,
      since: sinceOf(pair, viewer),
      online: relation === 'accepted' ? this.#directory.online(other.id) : [],
      ...(relation === 'accepted' && lastSeenAt !== undefined ? { lastSeenAt } : {}),
    };
  }

  async contactsOf(viewer: AccountId): Promise<Contact[]> {
    const pairs = (await this.#store.pairsOf(viewer)).filter((pair) => relationOf(pair, viewer) !== 'none');
    const records = await Promise.all(pairs.map((pair) => this.#store.account(otherOf(pair, viewer))));
    return pairs.flatMap((pair, index) => {
      const other = records[index];
      return other ? [this.contact(viewer, other, pair)] : [];
    });
  }

  /** Tells each side whose view changed; `except` got it as the answer to what it did. */
  relationChanged(
    actor: AccountRecord,
    other: AccountRecord,
    before: PairRecord | undefined,
    after: PairRecord | undefined,
    except: Connection,
  ): void {
    for (const [viewer, seen] of [
      [actor, other],
      [other, actor],
    ] as const) {
      if (relationOf(before, viewer.id) === relationOf(after, viewer.id)) continue;
      const contact = this.contact(viewer.id, seen, after);
      for (const connection of this.#directory.provenOf(viewer.id))
        if (connection !== except) connection.send('contact', contact);
    }
  }

  /** Name, device list or root changed: everybody who may seal something to this account, and its own other devices, get it anew. */
  async accountChanged(account: AccountRecord, except: Connection): Promise<void> {
    const own = ownAccount(account);
    for (const connection of this.#directory.provenOf(account.id))
      if (connection !== except) connection.send('account', own);
    for (const pair of await this.#store.pairsOf(account.id)) {
      const viewer = otherOf(pair, account.id);
      const relation = relationOf(pair, viewer);
      if (relation === 'none' || relation === 'blocked') continue;
      for (const connection of this.#directory.provenOf(viewer))
        connection.send('contact', this.contact(viewer, account, pair));
    }
    await this.#groups.accountChanged(account);
  }

  /** The account is gone from the store: it leaves every list in which it is. */
  accountDeleted(account: AccountRecord, pairs: readonly PairRecord[], now: number): void {
    const contact: Contact = { account: publicAccount(account), relation: 'none', since: now, online: [] };
    for (const pair of pairs) {
      const viewer = otherOf(pair, account.id);
      if (relationOf(pair, viewer) === 'none') continue;
      for (const connection of this.#directory.provenOf(viewer)) connection.send('contact', contact);
    }
  }

  /** Tells a device which devices of its account are online. */
  tellDevices(account: AccountRecord, connection: Connection): void {
    const online = this.#directory.online(account.id);
    connection.send('devices', { online, seenAt: this.#lastSeen.ofDevices(account) });
  }

  /** A device came or went. */
  async presenceChanged(id: AccountId): Promise<void> {
    const account = await this.#store.account(id);
    if (!account) return;
    for (const connection of this.#directory.provenOf(id)) this.tellDevices(account, connection);
    const pairs = await this.#store.pairsOf(id);
    const lastSeenAt = this.#lastSeen.of(account);
    const presence = { account: id, online: this.#directory.online(id) };
    const contacts = new Set<AccountId>();
    for (const pair of pairs) {
      const viewer = otherOf(pair, id);
      if (relationOf(pair, viewer) !== 'accepted') continue;
      contacts.add(viewer);
      const seen = lastSeenAt === undefined ? presence : { ...presence, lastSeenAt };
      for (const connection of this.#directory.provenOf(viewer)) connection.send('presence', seen);
    }
    for (const viewer of await this.#groups.fellows(id))
      if (!contacts.has(viewer))
        for (const connection of this.#directory.provenOf(viewer)) connection.send('presence', presence);
  }
}
