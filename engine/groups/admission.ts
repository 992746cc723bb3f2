/** Answers those who ask to be let into a group, as its log allows: at once, by an admin's word, or not. */
import { fromBase64 } from '../../protocol/bytes.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { ServerEvent } from '../../protocol/events.ts';
import type { GroupPayload } from '../../protocol/group.ts';
import type { AccountId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { Serial } from '../feed/serial.ts';
import { verifyChain } from '../identity/device-list.ts';
import type { Delays } from './delays.ts';
import type { Group } from './group.ts';
import { joinMessage } from './log-entry.ts';
import type { GroupPorts } from './ports.ts';

/** A member lets this much time pass for each turn before it answers in another's place. */
const turnMs = 2_000;

export class Admission {
  constructor(
    private readonly ports: GroupPorts,
    /** Where a group is changed, one thing after the other. */
    private readonly line: Serial,
    private readonly delays: Delays,
    private readonly changed: (group: Group) => void,
  ) {}

  /** Somebody asks to be let in. */
  asked(group: Group, request: ServerEvent<'group:asked'>): void {
    const answer = () => this.line.run(() => this.#answer(group, request));
    if (request.turn === 0) answer().catch((problem: unknown) => this.ports.report(problem));
    else this.delays.after(request.turn * turnMs, answer);
  }

  /** An admin's word about somebody who waits: whether it counts, whatever the server has heard of it. */
  async decide(group: Group, account: AccountId, verdict: 'admit' | 'refuse'): Promise<boolean> {
    const asking = group.asking.get(account);
    if (!asking) return false;
    group.asking.delete(account);
    this.changed(group);
    if (verdict === 'admit') return this.#admit(group, asking.payload);
    const { invitation } = asking.payload;
    await this.ports.request('groups:reply', { group: group.id, account, invitation, verdict: 'refused' });
    return true;
  }

  async #answer(group: Group, { invitation, asker, proof }: ServerEvent<'group:asked'>): Promise<void> {
    const { membership, me } = group;
    const found = membership?.invitations.get(invitation);
    const { id: account } = asker;
    if (!me || !membership) return;
    if (membership.members.has(account)) {
      if (!group.roster.has(account)) await group.tellAdmitted(account);
      return;
    }
    // The server has it, so the log has it or will: the word that it was made may be on its way to this device.
    if (!found) return;
    const used = found.uses !== undefined && found.used >= found.uses;
    const reply = (verdict: 'waiting' | 'refused') =>
      this.ports.request('groups:reply', { group: group.id, account, invitation, verdict });
    if (!found.open || used) {
      await reply('refused');
      return;
    }
    // By the server's clock it is not over. Whoever has a clock that says otherwise lets nobody in, and leaves the word to others.
    if (found.expiresAt !== undefined && found.expiresAt < this.ports.clock.now()) return;
    const { newest } = await verifyChain(asker.lists, this.ports);
    const signature = fromBase64(proof);
    const message = joinMessage(invitation, account, newest.root);
    if (!(await this.ports.signatures.verify(found.key, message, signature)))
      throw new ProtocolError('not-allowed', 'asked to join without the secret of the invitation');
    const payload = {
      kind: 'group-admit' as const,
      account,
      root: newest.root,
      handle: asker.handle,
      displayName: asker.displayName,
      lists: asker.lists.slice(0, limits.listsPerGroupEntry),
      invitation,
      proof: signature,
    };
    if (!found.approval) {
      const admissions = () => group.membership?.admissions.get(account)?.length ?? 0;
      const before = admissions();
      // In the log, and for nothing: the invitation is used up, or older than their removal. Asked again, each member would write it again.
      if (!(await this.#admit(group, payload)) && admissions() > before) await reply('refused');
      return;
    }
    if (me.role !== 'member') {
      group.asking.set(account, { account: asker, payload, at: this.ports.clock.now() });
      this.changed(group);
    }
    await reply('waiting');
  }

  async #admit(group: Group, payload: Extract<GroupPayload, { kind: 'group-admit' }>): Promise<boolean> {
    await group.write(payload);
    // Whether it counts is the log's word: the invitation may have been used up a moment ago.
    if (!group.membership?.members.has(payload.account)) return false;
    await group.provide(group.lacking().filter(({ id }) => group.accountOf(id) === payload.account));
    // It refuses when they asked long ago: they ask again when they are there again, and whoever answers repeats this.
    await group.tellAdmitted(payload.account);
    return true;
  }
}
