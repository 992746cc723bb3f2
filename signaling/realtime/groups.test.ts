/** What the server does for groups: who is told what, who may change what. It cannot read a group's log and does not try. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RosterChange } from '../../protocol/group-roster.ts';
import type { AccountId, AdmissionId, GroupId, InvitationId, Signature } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import { onlinePerson, randomId, startTestServer, testPassword, type Person, type TestServer } from '../testing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const code = (answer: { ok: boolean; error?: { code: string } }) => (answer.ok ? 'ok' : answer.error?.code);
const proof = 'P'.repeat(86) as Signature;
const change = async (person: Person, group: GroupId, what: RosterChange) =>
  code(await person.socket.ask('groups:change', { group, change: what }));
const idOf = (person: Person): AccountId => person.account.id;

async function founded() {
  const owner = await onlinePerson(server);
  const [group, invitation] = [randomId() as string as GroupId, randomId() as string as InvitationId];
  expect(await change(owner, group, { kind: 'create' })).toBe('ok');
  expect(await change(owner, group, { kind: 'open', invitation })).toBe('ok');
  const join = async (): Promise<Person> => {
    const person = await onlinePerson(server);
    expect(await person.socket.get('groups:ask', { invitation, proof })).toEqual({ group });
    expect(await change(owner, group, { kind: 'admit', account: idOf(person) })).toBe('ok');
    expect(await person.socket.next('group')).toMatchObject({ group });
    return person;
  };
  return { owner, group, invitation, join };
}

describe('joining', () => {
  it('is asked of members, with what they need to judge it', async () => {
    const { owner, group, invitation } = await founded();
    const anna = await onlinePerson(server);
    await anna.socket.get('groups:ask', { invitation, proof });
    const asked = await owner.socket.next('group:asked');
    expect(asked).toMatchObject({ group, invitation, proof, turn: 0, asker: { id: idOf(anna) } });
    expect(
      await owner.socket.ask('groups:reply', { group, account: idOf(anna), invitation, verdict: 'waiting' }),
    ).toMatchObject({ ok: true });
    expect(await anna.socket.next('group:replied')).toEqual({ group, invitation, verdict: 'waiting' });
  });

  it('ends with the account: the others are told, and do not see it as online any more', async () => {
    const { owner, group, join } = await founded();
    const anna = await join();
    await anna.browser.call('POST', '/api/delete', { password: testPassword });
    expect(await owner.socket.next('group:left')).toEqual({ group, account: idOf(anna) });
    const { groups } = await owner.socket.get('groups:mine', {});
    expect(groups.find((one) => one.group === group)?.members.map(({ account }) => account)).toEqual([idOf(owner)]);
    expect(await owner.socket.get('people:departed', { accounts: [idOf(anna)] })).toEqual({ departed: [idOf(anna)] });
  });

  it('makes a member who sees the others, and whom they see', async () => {
    const { owner, group, join } = await founded();
    const anna = await join();
    const bob = await join();
    expect(await anna.socket.next('group:member')).toMatchObject({
      group,
      member: { account: idOf(bob), role: 'member' },
    });
    const { groups } = await bob.socket.get('groups:mine', {});
    expect(groups).toHaveLength(1);
    expect(groups[0]?.members.map(({ account, role }) => [account, role])).toEqual([
      [idOf(owner), 'owner'],
      [idOf(anna), 'member'],
      [idOf(bob), 'member'],
    ]);
    const { people } = await bob.socket.get('groups:people', { group, accounts: [idOf(anna), idOf(owner)] });
    expect(people.map(({ id }) => id)).toEqual([idOf(anna), idOf(owner)]);
    // They may ring each other, and know when one goes.
    const to = anna.device.device.id;
    expect(code(await bob.socket.ask('signal', { to, box: 'AAAA' }))).toBe('ok');
    bob.socket.close();
    expect(await anna.socket.next('presence', ({ account }) => account === idOf(bob))).toEqual({
      account: idOf(bob),
      online: [],
    });
  });

  it('needs an open invitation, and that somebody asked', async () => {
    const { owner, group, invitation, join } = await founded();
    const stranger = await onlinePerson(server);
    expect(await change(owner, group, { kind: 'admit', account: idOf(stranger) })).toBe('not-allowed');
    expect(await change(stranger, group, { kind: 'admit', account: idOf(stranger) })).toBe('not-allowed');
    const anna = await join();
    expect(await change(anna, group, { kind: 'close', invitation })).toBe('not-allowed');
    expect(await change(owner, group, { kind: 'close', invitation })).toBe('ok');
    expect(code(await stranger.socket.ask('groups:ask', { invitation, proof }))).toBe('unknown-invitation');
    const over = randomId() as string as InvitationId;
    await change(owner, group, { kind: 'open', invitation: over, expiresAt: 1 });
    expect(code(await stranger.socket.ask('groups:ask', { invitation: over, proof }))).toBe('unknown-invitation');
  });

  it('says so when no member is there', async () => {
    const { owner, invitation } = await founded();
    const anna = await onlinePerson(server);
    owner.socket.close();
    await expect.poll(async () => code(await anna.socket.ask('groups:ask', { invitation, proof }))).toBe('offline');
  });
});

describe('the list of members', () => {
  it('is nothing to strangers', async () => {
    const { owner, group } = await founded();
    const stranger = await onlinePerson(server);
    for (const what of [{ kind: 'delete' }, { kind: 'create' }, { kind: 'remove', account: idOf(owner) }] as const)
      expect(await change(stranger, group, what)).toBe('not-allowed');
    expect(code(await stranger.socket.ask('groups:people', { group, accounts: [idOf(owner)] }))).toBe('not-allowed');
    expect(await stranger.socket.get('groups:mine', {})).toEqual({ groups: [] });
    expect(code(await stranger.socket.ask('signal', { to: owner.device.device.id, box: 'AAAA' }))).toBe('not-allowed');
  });

  it('is changed by those whose place it is', async () => {
    const { owner, group, join } = await founded();
    const [anna, bob] = [await join(), await join()];
    expect(await change(anna, group, { kind: 'remove', account: idOf(bob) })).toBe('not-allowed');
    expect(await change(anna, group, { kind: 'role', account: idOf(anna), role: 'admin' })).toBe('not-allowed');
    expect(await change(owner, group, { kind: 'role', account: idOf(anna), role: 'admin' })).toBe('ok');
    expect(await change(anna, group, { kind: 'remove', account: idOf(owner) })).toBe('not-allowed');
    expect(await change(anna, group, { kind: 'remove', account: idOf(bob) })).toBe('ok');
    expect(await bob.socket.next('group:left')).toEqual({ group, account: idOf(bob) });
    expect(await owner.socket.next('group:left')).toEqual({ group, account: idOf(bob) });
    expect(code(await bob.socket.ask('signal', { to: owner.device.device.id, box: 'AAAA' }))).toBe('not-allowed');
    expect(await change(owner, group, { kind: 'remove', account: idOf(owner) })).toBe('not-allowed');
    expect(await change(owner, group, { kind: 'role', account: idOf(anna), role: 'owner' })).toBe('ok');
    expect(await change(owner, group, { kind: 'remove', account: idOf(owner) })).toBe('ok');
    expect(await change(anna, group, { kind: 'delete' })).toBe('ok');
    expect(await anna.socket.get('groups:mine', {})).toEqual({ groups: [] });
  });

  it('is not changed by who knows none but an earlier admission', async () => {
    const { owner, group, invitation } = await founded();
    const [first, second] = [randomId() as string as AdmissionId, randomId() as string as AdmissionId];
    const anna = await onlinePerson(server);
    await anna.socket.get('groups:ask', { invitation, proof });
    const account = idOf(anna);
    const admit = (admission: AdmissionId) => change(owner, group, { kind: 'admit', account, admission });
    const remove = (admissions?: AdmissionId[]) => change(owner, group, { kind: 'remove', account, admissions });
    expect(await admit(first)).toBe('ok');
    expect(await remove([])).toBe('not-allowed');
    // She was out and in again before the server heard of it.
    expect(await admit(second)).toBe('ok');
    expect(await remove([first])).toBe('not-allowed');
    expect(await remove([first, second])).toBe('ok');
    expect(await admit(first)).toBe('ok');
    // Who removes somebody now need not know by what they are in.
    expect(await remove()).toBe('ok');
  });

  it('tells admins, and nobody else, which invitations are open', async () => {
    const { owner, group, invitation, join } = await founded();
    const anna = await join();
    await change(owner, group, { kind: 'open', invitation: randomId() as string as InvitationId, expiresAt: 1 });
    const { groups } = await owner.socket.get('groups:mine', {});
    expect(groups.map(({ invitations }) => invitations)).toEqual([[invitation]]);
    expect((await anna.socket.get('groups:mine', {})).groups[0]).not.toHaveProperty('invitations');
  });

  it('has its limits', async () => {
    const { owner, group } = await founded();
    for (let more = 1; more < limits.invitationsPerGroup; more++)
      expect(await change(owner, group, { kind: 'open', invitation: randomId() as string as InvitationId })).toBe('ok');
    const one = { kind: 'open', invitation: randomId() as string as InvitationId } as const;
    expect(await change(owner, group, one)).toBe('too-large');
  });
});
