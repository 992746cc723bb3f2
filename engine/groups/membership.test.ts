import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GroupPayload } from '../../protocol/group.ts';
import { GroupWorld, invitationKey, summaryOf, type Writer } from '../testing/group-world.ts';
import type { Member, Role } from './membership.ts';

const long = process.env.CAUSEWAY_LONG === '1';

async function memberOf(world: GroupWorld, writer: Writer): Promise<Member | undefined> {
  return (await world.stateFor(writer))?.membership.members.get(writer.account.id);
}

/** What an honest person does if the view allows it; whoever is asked for something that is not theirs to do does nothing. */
type Step = { do: (typeof deeds)[number]; by: number; whom: number; invitation: number; lag: number };
const deeds = ['invite', 'uninvite', 'join', 'remove', 'promote', 'demote', 'hand-over', 'leave', 'hear'] as const;

const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom(...deeds, 'join' as const, 'join' as const, 'invite' as const, 'hear' as const),
  by: fc.nat(4),
  whom: fc.nat(4),
  invitation: fc.nat(2),
  lag: fc.nat(6),
});

async function act(world: GroupWorld, next: Step, opened: Map<number, Writer>): Promise<void> {
  const [writer, other] = [world.writer(next.by), world.writer(next.whom)];
  if (next.do === 'hear') {
    world.hear(writer, world.entries.slice(0, world.entries.length - next.lag));
    return;
  }
  const state = await world.stateFor(writer);
  const me = state?.membership.members.get(writer.account.id);
  const them = state?.membership.members.get(other.account.id);
  const root = other.account.rootKey;
  if (!me || !state) return;
  const admin = me.role !== 'member';
  const { id: invitation, publicKey: key } = invitationKey(next.invitation);
  const log = world.lengths(writer, other);
  switch (next.do) {
    case 'invite':
      if (!admin || opened.has(next.invitation)) return;
      opened.set(next.invitation, writer);
      await world.write(writer, {
        kind: 'group-invite',
        invitation,
        key,
        approval: next.lag === 0,
        uses: 1 + next.lag,
      });
      return;
    case 'uninvite':
      if (admin) await world.write(writer, { kind: 'group-uninvite', invitation });
      return;
    case 'join': {
      const proof = await world.proof(next.invitation, other);
      if (them || !state.membership.invitations.get(invitation)?.open) return;
      const admission = { kind: 'group-admit' as const, ...world.identity(other), invitation, proof };
      const entry = await world.write(writer, admission);
      world.hear(other, [...writer.view, entry]);
      return;
    }
    case 'remove':
      if (them && other !== writer && admin && (them.role === 'member' || me.role === 'owner') && them.role !== 'owner')
        await world.write(writer, { kind: 'group-remove', root, log, chat: log });
      return;
    case 'promote':
    case 'demote':
      if (them && me.role === 'owner' && other !== writer)
        await world.write(writer, { kind: 'group-role', root, admin: next.do === 'promote', log });
      return;
    case 'hand-over':
      if (them?.role === 'admin' && me.role === 'owner')
        await world.write(writer, { kind: 'group-owner', root, log: world.lengths(writer, writer) });
      return;
    case 'leave':
      if (me.role !== 'owner') await world.write(writer, { kind: 'group-leave' });
  }
}

const hasLeft = ({ feed }: Writer): boolean => feed.some(({ payload }) => payload.kind === 'group-leave');

const told = (by: number): Step => ({ do: 'hear', by, whom: 0, invitation: 0, lag: 0 });
/** An open invitation, an admin and three members. */
const prelude: Step[] = [
  { do: 'invite', by: 0, whom: 0, invitation: 0, lag: 40 },
  ...[1, 2, 3, 4].map((whom): Step => ({ do: 'join', by: 0, whom, invitation: 0, lag: 0 })),
  { do: 'promote', by: 0, whom: 1, invitation: 0, lag: 0 },
  ...[1, 2, 3, 4].map(told),
];

const history = fc.array(step, { maxLength: 30, size: 'max' });

describe('the log of a group', () => {
  it('says the same to everybody who has the same entries, in whatever order', { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 5 }), history, fc.integer(), async (people, steps, seed) => {
        const world = await GroupWorld.create(people);
        const opened = new Map<number, Writer>();
        for (const next of steps) await act(world, next, opened);
        const shuffled = world.entries
          .map((entry, at) => ({ entry, rank: (Math.imul(at + 1, seed | 1) ^ (seed >>> 3)) >>> 0 }))
          .sort((a, b) => a.rank - b.rank)
          .map(({ entry }) => entry);
        expect(summaryOf(await world.stateOf(shuffled))).toEqual(summaryOf(await world.stateOf(world.entries)));
      }),
      { numRuns: long ? 10_000 : 500 },
    );
  });

  it(
    'adds nobody whom no admin invited, whatever strangers and former members write',
    { timeout: 1_200_000 },
    async () => {
      const forgery = fc.record({
        by: fc.nat(6),
        whom: fc.constantFrom(0, 1, 5, 6, 6),
        kind: fc.constantFrom(
          ...([
            'admit',
            'admit',
            'admit',
            'invite',
            'promote',
            'own',
            'remove',
            'demote',
            'delete',
            'uninvite',
          ] as const),
        ),
        invitation: fc.constantFrom(0, 0, 1),
        dated: fc.double({ min: 0, max: 1, noNaN: true }),
        stolen: fc.boolean(),
      });
      let attacked = 0;
      await fc.assert(
        fc.asyncProperty(history, fc.array(forgery, { minLength: 1, maxLength: 12 }), async (steps, forgeries) => {
          const world = await GroupWorld.create(7); // the last two never hear of the group
          const opened = new Map<number, Writer>();
          for (const next of prelude) await act(world, next, opened);
          for (const next of steps) await act(world, next, opened);
          await act(world, { do: 'remove', by: 0, whom: 2, invitation: 0, lag: 0 }, opened);
          const honest = [...world.entries];
          const before = await world.stateOf(honest);
          const evil = world.writers.filter(({ account }) => !before?.membership.members.has(account.id));
          const last = Math.max(...honest.map(({ lamport }) => lamport));
          for (const { by, whom, kind, invitation, dated, stolen } of forgeries) {
            const writer = evil[by % Math.max(1, evil.length)];
            const other = world.writer(whom);
            // Who left of their own will has cut nothing off: only what a removal names is out for good.
            if (!writer || hasLeft(writer)) continue;
            attacked++;
            const { id, publicKey: key } = invitationKey(invitation);
            const root = other.account.rootKey;
            const proof = stolen ? await world.proof(invitation, other) : new Uint8Array(64);
            const payloads: Record<typeof kind, GroupPayload> = {
              admit: { kind: 'group-admit', ...world.identity(other), invitation: id, proof },
              invite: { kind: 'group-invite', invitation: id, key, approval: false },
              uninvite: { kind: 'group-uninvite', invitation: id },
              promote: { kind: 'group-role', root: writer.account.rootKey, admin: true, log: [] },
              demote: { kind: 'group-role', root, admin: false, log: [] },
              own: { kind: 'group-owner', root: writer.account.rootKey, log: [] },
              remove: { kind: 'group-remove', root, log: [], chat: [] },
              delete: { kind: 'group-delete' },
            };
            await world.write(writer, payloads[kind], 1 + Math.floor(dated * (last + 1)));
          }
          expect(summaryOf(await world.stateOf(world.entries))).toEqual(summaryOf(before));
        }),
        { numRuns: long ? 5_000 : 200 },
      );
      expect(attacked).toBeGreaterThan(100);
    },
  );

  describe('decides', () => {
    /** A group of an owner, an admin and a member, all of whom have heard everything; the fourth is outside. */
    async function small() {
      const world = await GroupWorld.create(4);
      const [owner, admin, member, stranger] = [0, 1, 2, 3].map((index) => world.writer(index)) as [
        Writer,
        Writer,
        Writer,
        Writer,
      ];
      const { id: invitation, publicKey: key } = invitationKey(0);
      await world.write(owner, { kind: 'group-invite', invitation, key, approval: false });
      for (const joiner of [admin, member]) {
        const proof = await world.proof(0, joiner);
        await world.write(owner, { kind: 'group-admit', ...world.identity(joiner), invitation, proof });
      }
      await world.write(owner, { kind: 'group-role', root: admin.account.rootKey, admin: true, log: [] });
      const tell = () => world.writers.forEach((writer) => world.hear(writer, world.entries));
      tell();
      const admit = async (by: Writer, joiner: Writer, lamport?: number) => {
        const proof = await world.proof(0, joiner);
        const entry = await world.write(
          by,
          { kind: 'group-admit', ...world.identity(joiner), invitation, proof },
          lamport,
        );
        tell();
        return entry;
      };
      const remove = async (by: Writer, whom: Writer) => {
        const log = world.lengths(by, whom);
        await world.write(by, { kind: 'group-remove', root: whom.account.rootKey, log, chat: log });
        tell();
      };
      const roles = async (): Promise<(Role | undefined)[]> => {
        const state = await world.stateOf(world.entries);
        return world.writers.map(({ account }) => state?.membership.members.get(account.id)?.role);
      };
      return { world, owner, admin, member, stranger, invitation, tell, admit, remove, roles };
    }

    it('that a member admits whom an admin invited', async () => {
      const { admit, member, stranger, roles } = await small();
      expect(await roles()).toEqual(['owner', 'admin', 'member', undefined]);
      await admit(member, stranger);
      expect(await roles()).toEqual(['owner', 'admin', 'member', 'member']);
    });

    it('that nobody but the owner removes an admin', async () => {
      const { world, remove, owner, admin, member, roles } = await small();
      await remove(member, admin);
      await remove(admin, owner);
      expect(await roles()).toEqual(['owner', 'admin', 'member', undefined]);
      await world.write(owner, { kind: 'group-role', root: member.account.rootKey, admin: true, log: [] });
      await remove(member, admin);
      expect(await roles()).toEqual(['owner', 'admin', 'admin', undefined]);
      await remove(owner, admin);
      expect(await roles()).toEqual(['owner', undefined, 'admin', undefined]);
    });

    it('that who was removed cannot date an entry back', async () => {
      const { remove, admit, admin, member, stranger, roles } = await small();
      await remove(admin, member);
      await admit(member, stranger, 5);
      expect(await roles()).toEqual(['owner', 'admin', undefined, undefined]);
    });

    it('that who was removed needs a new invitation', async () => {
      const { world, remove, admit, owner, member, roles } = await small();
      await remove(owner, member);
      await admit(owner, member);
      expect(await roles()).toEqual(['owner', 'admin', undefined, undefined]);
      const { id: invitation, publicKey: key } = invitationKey(1);
      await world.write(owner, { kind: 'group-invite', invitation, key, approval: false });
      const proof = await world.proof(1, member);
      await world.write(owner, { kind: 'group-admit', ...world.identity(member), invitation, proof });
      expect(await roles()).toEqual(['owner', 'admin', 'member', undefined]);
    });

    it.each([
      ['after it was ended', { end: true }],
      ['after its time', { expiresAt: 0 }],
      ['more often than it allows', { uses: 1, already: true }],
      ['without the approval of an admin', { approval: true }],
    ])('that an invitation does not admit %s', async (_, how: Record<string, unknown>) => {
      const { world, owner, member, stranger, tell } = await small();
      const { id: invitation, publicKey: key } = invitationKey(2);
      const { end, already, ...bounds } = how;
      await world.write(owner, { kind: 'group-invite', invitation, key, approval: false, ...bounds });
      const extra = world.writer(1);
      if (already) {
        // Somebody who left may come back; that is a use.
        await world.write(extra, { kind: 'group-leave' });
        tell();
        const proof = await world.proof(2, extra);
        await world.write(owner, { kind: 'group-admit', ...world.identity(extra), invitation, proof });
      }
      if (end) await world.write(owner, { kind: 'group-uninvite', invitation });
      tell();
      const proof = await world.proof(2, stranger);
      await world.write(member, { kind: 'group-admit', ...world.identity(stranger), invitation, proof });
      tell();
      expect(await memberOf(world, stranger)).toBeUndefined();
    });

    it('that a proof is good for nobody else', async () => {
      const { world, owner, stranger, tell, invitation } = await small();
      const proof = await world.proof(0, world.writer(1));
      await world.write(owner, { kind: 'group-admit', ...world.identity(stranger), invitation, proof });
      tell();
      expect(await memberOf(world, stranger)).toBeUndefined();
    });

    it('that the group can be handed over, once', async () => {
      const { world, owner, admin, member, tell, roles } = await small();
      const log = world.lengths(owner, owner);
      await world.write(owner, { kind: 'group-owner', root: admin.account.rootKey, log });
      await world.write(owner, { kind: 'group-owner', root: member.account.rootKey, log }, 1);
      tell();
      expect(await roles()).toEqual(['admin', 'owner', 'member', undefined]);
      await world.write(owner, { kind: 'group-leave' });
      expect(await roles()).toEqual([undefined, 'owner', 'member', undefined]);
    });

    it('that the owner alone ends it', async () => {
      const { world, owner, admin } = await small();
      await world.write(admin, { kind: 'group-delete' });
      expect((await world.stateOf(world.entries))?.membership.deleted).toBe(false);
      await world.write(owner, { kind: 'group-delete' });
      expect((await world.stateOf(world.entries))?.membership.deleted).toBe(true);
    });

    it('by which admissions somebody is in, those of two at the same time too, and none of who is no member', async () => {
      const { world, admit, remove, owner, member, admin, stranger, tell, invitation } = await small();
      const known = async () => {
        const state = await world.stateOf(world.entries);
        return state?.membership.admissions.get(stranger.account.id) ?? [];
      };
      const proof = await world.proof(0, stranger);
      const payload = { kind: 'group-admit' as const, ...world.identity(stranger), invitation, proof };
      const together = [await world.write(owner, payload), await world.write(member, payload)];
      tell();
      expect((await known()).toSorted((a, b) => together.indexOf(a) - together.indexOf(b))).toEqual(together);
      await remove(admin, member);
      await remove(admin, stranger);
      const { hash } = await admit(owner, stranger);
      await admit(member, stranger);
      await admit(stranger, stranger);
      expect((await known()).map((one) => one.hash).slice(2)).toEqual([hash]);
    });

    it('how much of the chat of somebody who was removed counts', async () => {
      const { world, owner, member, admin, tell } = await small();
      const chat: [typeof member.keys.id, number][] = [[member.keys.id, 7]];
      await world.write(owner, { kind: 'group-remove', root: member.account.rootKey, log: [], chat });
      tell();
      const state = await world.stateOf(world.entries);
      const lengths = [member, admin, world.writer(3)].map(({ keys }) => state?.membership.chatLength(keys.id));
      expect(lengths).toEqual([7, Infinity, 0]);
    });

    it('nothing for somebody who names the keys of others', async () => {
      const { remove, owner, member, admit, stranger, roles } = await small();
      // The stranger joins with a list that names the owner's device.
      await stranger.account.change([...(await stranger.account.devices()), owner.keys.device]);
      await admit(member, stranger);
      await remove(owner, member);
      expect(await roles()).toEqual(['owner', 'admin', undefined, 'member']);
    });
  });
});
