/** Links between members of a group, some of whom are contacts as well: what goes over one follows from pinned keys, not from what is said of a device. */
import { describe, expect, it } from 'vitest';
import type { AccountId } from '../../protocol/ids.ts';
import type { Roster } from '../../protocol/group-roster.ts';
import type { Signaling, SignalingEvents } from '../signaling.ts';
import { found, groupOf, isIn } from '../testing/small-group.ts';
import { World, type Machine } from '../testing/world.ts';

/** Has the server tell `machine` that devices of `really` are of `claimed`, wherever it names them. */
function lieTo(machine: Machine, really: AccountId, claimed: AccountId): void {
  const { server } = machine.world;
  const connector = server.connector.bind(server);
  const swap = (from: AccountId, to: AccountId) => (account: AccountId) => (account === from ? to : account);
  // Of its own account a machine asks nothing: there the lie is in the answer alone.
  const isOwn = claimed === machine.account.id;
  const [told, meant] = [swap(really, claimed), swap(claimed, really)];
  const rosterTold = ({ group, members }: Roster): Roster => ({
    group,
    members: members
      .filter(({ account }) => account !== claimed)
      .map((member) => ({ ...member, account: told(member.account) })),
  });
  server.connector = (account, device, clock) => (events) => {
    if (device !== machine.device) return connector(account, device, clock)(events);
    const lying: SignalingEvents = {
      ...events,
      group: (roster) => events.group(isOwn ? roster : rosterTold(roster)),
      signal: (signal) => events.signal({ ...signal, account: told(signal.account) }),
    };
    const honest = connector(account, device, clock)(lying);
    const request = async (name: string, body: { accounts?: AccountId[] }) => {
      const asked = name === 'groups:people' ? { ...body, accounts: body.accounts?.map(meant) } : body;
      const answer = await honest.request(name as never, asked as never);
      const { people } = (answer.ok ? answer.value : {}) as { people?: { id: AccountId }[] };
      if (name === 'groups:people') for (const person of people ?? []) Object.assign(person, { id: told(person.id) });
      return answer;
    };
    return { request: request as Signaling['request'], wake: () => honest.wake(), close: () => honest.close() };
  };
}

describe('a link to a member', () => {
  it.each(['a contact', 'this account'])(
    'shares nothing of %s because the server says that the device is theirs',
    async (whose) => {
      const world = new World();
      const [ann, bob, mal] = [await world.person(), await world.person(), await world.person()];
      world.server.befriend(ann.account.id, bob.account.id);
      lieTo(ann, mal.account.id, whose === 'a contact' ? bob.account.id : ann.account.id);
      for (const machine of [ann, bob, mal]) await machine.start();
      await world.run(500);
      const code = await found(mal);
      ann.act((engine) => engine.sendText(bob.account.id, 'for you alone'));
      await world.run(5_000);
      const { conversation } = ann.person(bob);
      await bob.close();
      ann.act((engine) => engine.groups.join(code));
      const { links, conversations, transfers } = ann.engine;
      let linked = false;
      const leaks = () => {
        const link = links.open(mal.device);
        linked ||= link !== undefined;
        return link !== undefined && (conversations.serves(link, conversation) || transfers.serves(link));
      };
      expect(await world.run(20_000, leaks)).toBe(false);
      // That somebody who was not asked for is among the answers is noticed before a link is made.
      expect(linked).toBe(whose === 'a contact');
      expect(await mal.feeds.heads(conversation)).toEqual(new Map());
    },
  );

  it('shares the group alone once they are no contact any more, and all again when they are', async () => {
    const world = new World();
    const [ann, bob] = [await world.person(), await world.person()];
    world.server.befriend(ann.account.id, bob.account.id);
    for (const machine of [ann, bob]) await machine.start();
    await world.run(500);
    const code = await found(ann);
    bob.act((engine) => engine.groups.join(code));
    expect(await world.run(20_000, () => isIn(bob) && groupOf(bob).keys.some)).toBe(true);
    const { conversation } = ann.person(bob);
    const group = groupOf(ann);
    for (const machine of [ann, bob]) machine.engine.lookAt(group.id);
    const served = () => {
      const link = ann.engine.links.open(bob.device);
      const { conversations, transfers } = ann.engine;
      return (
        link && [
          conversations.serves(link, group.chat),
          conversations.serves(link, conversation),
          transfers.serves(link),
        ]
      );
    };
    expect(await world.run(20_000, () => served()?.every(Boolean) === true)).toBe(true);
    ann.act((engine) => engine.answerRequest(bob.account.id, 'remove'));
    await world.run(20_000);
    expect(served()).toEqual([true, false, false]);
    world.server.befriend(ann.account.id, bob.account.id);
    ann.act((engine) => engine.answerRequest(bob.account.id, 'accept'));
    await world.run(20_000);
    expect(served()).toEqual([true, true, true]);
    expect([...ann.reports, ...bob.reports]).toEqual([]);
  });
});
