/** What a server that replays, mixes up and makes up envelopes achieves: nothing. Two contacts with an open link, and a stranger who knocked. */
import type { Envelope } from '../protocol/envelope.ts';
import type { AccountId, DeviceId, LinkId, OfferId, RequestId } from '../protocol/ids.ts';
import { limits } from '../protocol/limits.ts';
import { beforeEach, describe, expect, test } from 'vitest';
import { Envelopes } from './identity/envelope.ts';
import { contentOf } from './testing/content.ts';
import { cheapSignatures, seededRandom } from './testing/keys.ts';
import { World, type Machine } from './testing/world.ts';

let world: World;
let ann: Machine;
let bob: Machine;
let eve: Machine;
let offer: OfferId;
let boxes: { toBob: string; toAnn: string; ice: string; knock: string };

beforeEach(async () => {
  world = new World();
  [ann, bob, eve] = [await world.person(), await world.person(), await world.person()];
  world.befriend(ann, bob);
  for (const machine of [ann, bob, eve]) await machine.start();
  await world.run(500);
  ann.engine.lookAt(bob.account.id);
  await world.run(1_000);
  eve.act((engine) => engine.shareWith(bob.account.handle));
  await world.run(300);
  offer = eve.offer(bob.account.id, [contentOf(10, 1)]) as OfferId;
  await world.run(300);
  const passed = (kind: string, from: Machine, to: Machine) =>
    world.server.relayed
      .filter((one) => one.kind === kind && one.from === from.device && one.to === to.device)
      .map(({ box }) => box);
  const [toBob, ice] = passed('signal', ann, bob);
  boxes = {
    toBob: toBob ?? '',
    ice: ice ?? '',
    toAnn: passed('signal', bob, ann)[0] ?? '',
    knock: passed('knock', eve, bob)[0] ?? '',
  };
  expect(Object.values(boxes).every((box) => box !== '')).toBe(true);
});

const signal = (to: Machine, account: AccountId, device: DeviceId, box: string) =>
  world.server.say(to.device, (events) => events.signal({ account, device, box }));
const knock = (to: Machine, account: AccountId, device: DeviceId, box: string) =>
  world.server.say(
    to.device,
    (events) => void events.knock({ account, device, id: offer as string as RequestId, box }).catch(() => undefined),
  );

/** What Ann and Bob have: their link, the wires that were ever opened, Bob's offers. */
const state = () => [
  ann.engine.links.open(bob.device)?.id,
  bob.engine.links.open(ann.device)?.id,
  world.wires.opened,
  bob.engine.transfers.all().map((record) => [record.offer, bob.standing(record.offer)]),
  ann.engine.transfers.all().length,
];

const flipped = (box: string) => (box.startsWith('A') ? 'B' : 'A') + box.slice(1);

const cases: [string, () => void | Promise<void>][] = [
  ['a signal that was taken', () => signal(bob, ann.account.id, ann.device, boxes.toBob)],
  ['a candidate that was taken', () => signal(bob, ann.account.id, ann.device, boxes.ice)],
  ['an answer that was taken', () => signal(ann, bob.account.id, bob.device, boxes.toAnn)],
  ['a signal to somebody else', () => signal(ann, bob.account.id, bob.device, boxes.toBob)],
  ['a signal thrown back at its sender', () => signal(ann, ann.account.id, ann.device, boxes.toBob)],
  ['a signal under the name of a stranger', () => signal(bob, eve.account.id, eve.device, boxes.toBob)],
  ['a signal of a contact under the account of a stranger', () => signal(bob, eve.account.id, ann.device, boxes.toBob)],
  [
    'a signal under an account that nobody knows',
    () => signal(bob, 'n'.repeat(22) as AccountId, ann.device, boxes.toBob),
  ],
  [
    'a signal of a device that nobody knows',
    () => signal(bob, ann.account.id, 'n'.repeat(22) as DeviceId, boxes.toBob),
  ],
  ['a signal that was altered', () => signal(bob, ann.account.id, ann.device, flipped(boxes.toBob))],
  ['a signal that was cut short', () => signal(bob, ann.account.id, ann.device, boxes.toBob.slice(0, 60))],
  ['an empty signal', () => signal(bob, ann.account.id, ann.device, '')],
  [
    'a signal that has expired',
    async () => {
      await world.run(limits.signalTtlMs + limits.clockSkewMs + 1_000);
      signal(bob, ann.account.id, ann.device, boxes.toBob);
    },
  ],
  ['a knock as a signal', () => signal(bob, eve.account.id, eve.device, boxes.knock)],
  ['a knock as a signal of a contact', () => signal(bob, ann.account.id, ann.device, boxes.knock)],
  ['a signal as a knock', () => knock(bob, ann.account.id, ann.device, boxes.toBob)],
  ['a knock that was taken', () => knock(bob, eve.account.id, eve.device, boxes.knock)],
  ['a knock for somebody else', () => knock(ann, eve.account.id, eve.device, boxes.knock)],
  ['a knock under another account', () => knock(bob, ann.account.id, eve.device, boxes.knock)],
  ['a knock under another device', () => knock(bob, ann.account.id, ann.device, boxes.knock)],
  ['a knock that was altered', () => knock(bob, eve.account.id, eve.device, flipped(boxes.knock))],
  [
    'signals of thousands of devices that do not exist',
    () => {
      for (let i = 0; i < 2000; i++) signal(bob, ann.account.id, `${i}`.padEnd(22, 'x') as DeviceId, boxes.toBob);
    },
  ],
  [
    'presence of strangers, and of foreign devices of a contact',
    () => {
      world.server.say(bob.device, (events) => events.presence({ account: eve.account.id, online: [eve.device] }));
      world.server.say(bob.device, (events) =>
        events.presence({ account: ann.account.id, online: [ann.device, eve.device] }),
      );
    },
  ],
];

describe('a lying server gets nothing by', () => {
  test.each(cases)('%s', async (_, act) => {
    const before = state();
    await act();
    await world.run(1_000);
    expect(state()).toEqual(before);
    expect(bob.engine.people.online(eve.account.id).size).toBe(0);
    expect(bob.engine.links.stateOf(eve.device)).toBe('none');
  });

  test('signals of a former contact, one who was blocked, and a device that was revoked', async () => {
    for (const how of ['remove', 'block', 'revoke'] as const) {
      if (how === 'revoke') {
        world.befriend(ann, bob);
        world.server.say(bob.device, (events) => events.contact(world.server.contact(bob.account.id, ann.account.id)));
        await world.run(200);
        await ann.account.change([(await world.secondDevice(ann)).keys.device]);
        await world.server.accountChanged(ann.account);
      } else bob.act((engine) => engine.answerRequest(ann.account.id, how));
      await world.run(500);
      const { opened } = world.wires;
      // A box of Ann's that was never delivered.
      const box = await sealedBy(ann, {
        kind: 'sdp',
        type: 'offer',
        link: 'n'.repeat(22) as LinkId,
        epoch: 0,
        sdp: '0',
      });
      signal(bob, ann.account.id, ann.device, box);
      await world.run(1_000);
      expect([how, world.wires.opened, bob.engine.links.stateOf(ann.device)]).toEqual([how, opened, 'none']);
    }
  });

  test('knocks of somebody who was declined, blocked or removed', async () => {
    for (const verdict of ['decline', 'block'] as const) {
      bob.act((engine) => engine.answerRequest(eve.account.id, verdict));
      await world.run(500);
      const count = bob.engine.transfers.all().length;
      const body: Envelope['body'] = {
        kind: 'offer',
        offer: verdict.padEnd(22, 'o') as OfferId,
        files: [{ name: 'x', size: 1, type: '' }],
        offeredAt: 0,
      };
      knock(bob, eve.account.id, eve.device, await sealedBy(eve, body));
      await world.run(500);
      expect([verdict, bob.engine.transfers.all().length]).toEqual([verdict, count]);
    }
  });

  test('a signal from before a reload: a ring that nobody proves', async () => {
    bob.crash();
    await world.run(10);
    await bob.start();
    await world.run(200);
    signal(bob, ann.account.id, ann.device, boxes.toBob);
    await world.run(60_000);
    // Whatever came of it, there is one proven link, and it works.
    ann.act((engine) => engine.sendText(bob.account.id, 'still here'));
    await world.run(3_000);
    expect(await bob.texts(ann)).toEqual(['still here']);
  });
});

/** An envelope to Bob that is as it should be, and that the server was never given. */
function sealedBy(machine: Machine, body: Envelope['body']): Promise<string> {
  const clock = { now: () => Math.floor(world.clock.now()), after: () => () => undefined };
  const { keys } = machine;
  const random = seededRandom(world.clock.now());
  return new Envelopes({ clock, random, signatures: cheapSignatures, keys, sealing: keys }).seal(bob.keys.device, body);
}
