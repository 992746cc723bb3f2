/**
 * Does what a member does without being asked: device lists that the log lacks, keys for devices that lack them. Whoever admits somebody, or
 * has a new device, does it at once; the others each wait for a turn of their own, and nearly all of them find it done.
 */
import type { AccountId, DeviceId } from '../../protocol/ids.ts';
import type { Serial } from '../feed/serial.ts';
import { verifyChain } from '../identity/device-list.ts';
import type { Delays } from './delays.ts';
import type { Group } from './group.ts';
import { turnOf } from './neighbours.ts';
import type { GroupPorts } from './ports.ts';

/** So long a member leaves it to who should, before the first of the others does it; then the next after each turn. */
const firstMs = 4_000;
const turnMs = 1_000;

export class Tending {
  /** Groups in which this device waits for its turn. */
  readonly #waiting = new Set<Group>();

  constructor(
    private readonly ports: GroupPorts,
    /** Where a group is changed, one thing after the other. */
    private readonly line: Serial,
    private readonly delays: Delays,
    private readonly online: (group: Group) => DeviceId[],
  ) {}

  /** To be called whenever the log, or what the server says of its members, changed. */
  look(group: Group): void {
    if (!group.me) return;
    this.line.run(() => this.#own(group)).catch((problem: unknown) => this.ports.report(problem));
  }

  /** What concerns this account. */
  async #own(group: Group): Promise<void> {
    if (this.delays.stopped || !group.me) return;
    const { root, lists } = this.ports.own();
    const here = this.ports.keys.id;
    await group.addLists(lists, root);
    const lacking = group.lacking();
    const mine = lacking.filter(({ id }) => this.ports.isMine(id) && id !== here);
    if (mine.length > 0) await group.provide(mine);
    const done = lacking.length === mine.length && this.#behind(group).length === 0;
    if (done || this.#waiting.has(group)) return;
    this.#waiting.add(group);
    this.delays.after(firstMs + turnMs * turnOf(here, this.online(group), group.id), async () => {
      this.#waiting.delete(group);
      await this.line.run(() => this.#others(group));
    });
  }

  async #others(group: Group): Promise<void> {
    if (!group.me) return;
    for (const account of this.#behind(group)) await this.#fetchLists(group, account);
    await group.provide();
  }

  /** Members of whose device lists the server has more than the log. */
  #behind(group: Group): AccountId[] {
    const { account: own } = this.ports.own();
    return [...group.roster.values()].flatMap(({ account, lists }) => {
      const known = account === own ? undefined : group.listsOf(account);
      return known !== undefined && lists > known ? [account] : [];
    });
  }

  async #fetchLists(group: Group, account: AccountId): Promise<void> {
    const answer = await this.ports.request('groups:people', { group: group.id, accounts: [account] });
    const person = answer.ok ? answer.value.people.find(({ id }) => id === account) : undefined;
    const member = group.membership?.members.get(account);
    if (!person || !member) return;
    const { newest } = await verifyChain(person.lists, this.ports);
    if (newest.root === member.root) await group.addLists(person.lists, member.root);
  }
}
