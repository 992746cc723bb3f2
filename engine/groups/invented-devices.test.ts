/** A member who names devices of nobody: each is an author, as far as anybody can tell, and there is room for so many. */
import { expect, test } from 'vitest';
import { limits } from '../../protocol/limits.ts';
import { TestAccount, testKeys } from '../testing/accounts.ts';
import { found, groupOf, isIn } from '../testing/small-group.ts';
import { World } from '../testing/world.ts';

async function three() {
  const world = new World();
  const [ann, bob, cid] = [await world.person(), await world.person(), await world.person()];
  for (const machine of [ann, bob, cid]) await machine.start();
  await world.run(500);
  const code = await found(ann);
  bob.act((engine) => engine.groups.join(code));
  await world.run(30_000, () => isIn(bob) && groupOf(bob).keys.some);
  return { world, ann, bob, cid, code };
}

test('devices that a member invents keep nobody out', async () => {
  const { world, ann, bob, cid, code } = await three();
  const each = limits.devicesPerAccount;
  for (let number = 0; number * each <= limits.feedsPerConversation; number++) {
    const devices = [];
    for (let at = 0; at < each; at++) devices.push((await testKeys(1_000 + number * each + at)).device);
    const [first] = devices;
    if (!first) throw new Error('no device');
    const nobody = await TestAccount.create(100 + number, first);
    await nobody.change(devices);
    await bob.engine.feeds.append(groupOf(bob).log, { kind: 'group-devices', lists: nobody.lists });
  }
  await world.run(30_000, () => groupOf(ann).authors.size >= limits.feedsPerConversation);
  expect(groupOf(ann).authors.size).toBe(limits.feedsPerConversation);

  await expectWelcome({ world, ann, bob, cid, code });
});

test('devices that a member invents as their own keep nobody out', async () => {
  const { world, ann, bob, cid, code } = await three();
  const lists = bob.account.lists.length;
  const fresh = limits.devicesPerAccount - 1;
  for (let number = 0; number * fresh <= limits.feedsPerConversation; number++) {
    const devices = [bob.keys.device];
    for (let at = 0; at < fresh; at++) devices.push((await testKeys(1_000 + number * fresh + at)).device);
    await bob.account.change(devices);
  }
  for (let at = lists; at < bob.account.lists.length; at += 8)
    await bob.engine.feeds.append(groupOf(bob).log, {
      kind: 'group-devices',
      lists: bob.account.lists.slice(at, at + 8),
    });
  await world.run(30_000, () => groupOf(ann).authors.size >= limits.feedsPerConversation);
  expect(groupOf(ann).authors.size).toBe(limits.feedsPerConversation);
  await expectWelcome({ world, ann, bob, cid, code });
});

/** Cid joins, and is heard by the others. */
async function expectWelcome({ world, ann, bob, cid, code }: Awaited<ReturnType<typeof three>>): Promise<void> {
  cid.act((engine) => engine.groups.join(code));
  expect(await world.run(60_000, () => isIn(cid) && groupOf(cid).keys.some)).toBe(true);
  for (const machine of [ann, bob]) {
    expect(await world.run(20_000, () => groupOf(machine).authors.has(cid.device))).toBe(true);
    expect(groupOf(machine).authors.size).toBe(limits.feedsPerConversation);
  }
  cid.act((engine) => engine.sendText(groupOf(cid).id, 'hello'));
  const heard = () => ann.engine.conversations.taken(groupOf(ann).chat, cid.device) > 0;
  expect(await world.run(20_000, heard)).toBe(true);
}
