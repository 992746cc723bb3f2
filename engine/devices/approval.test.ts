/** A new device is approved by an old one, with a server in between that is honest, lies, replays, or is not there. */
import { describe, expect, test } from 'vitest';
import type { ApprovalBody } from '../../protocol/approval.ts';
import type { ServerEvent } from '../../protocol/events.ts';
import { limits } from '../../protocol/limits.ts';
import type { Device } from '../../protocol/people.ts';
import { verifyChain, signList, listWith } from '../identity/device-list.ts';
import { Envelopes } from '../identity/envelope.ts';
import { testKeys } from '../testing/accounts.ts';
import { cheapSignatures, hashes, seededRandom } from '../testing/keys.ts';
import { World, type Machine } from '../testing/world.ts';
import { approvalCode, commitmentTo, opensCommitment } from './approval-code.ts';
import { ApprovalGuest, approves, type GuestState } from './approval-guest.ts';

const verifying = { hashes, signatures: cheapSignatures };
type Step = ServerEvent<'approval'>;

async function setUp(seed = 1) {
  const world = new World({ seed });
  const old = await world.person();
  await old.start();
  await world.run(200);
  const { guest, states, keys } = await newGuest(world, old, 900 + seed);
  return { world, old, guest, states, keys };
}

async function newGuest(world: World, old: Machine, number: number) {
  const keys = await testKeys(number);
  const states: GuestState[] = [];
  const { account } = old;
  const guest = new ApprovalGuest(
    {
      clock: world.clock,
      random: seededRandom(number),
      hashes,
      signatures: cheapSignatures,
      keys,
      sealing: keys,
      send: (to, box) => Promise.resolve(world.server.ask(to.id, { from: keys.device, box })),
      report: () => undefined,
    },
    {
      account: account.id,
      chain: await verifyChain(account.lists, verifying),
      guest: keys.device,
      host: old.keys.device,
    },
    (state) => states.push(state),
  );
  world.server.guests.set(keys.id, { account: account.id, take: (event) => void guest.take(event) });
  return { guest, states, keys };
}

const digits = (state: GuestState) => (state.kind === 'comparing' ? state.code.digits : state.kind);
const pending = (machine: Machine) => machine.engine.approvals.pending;

/** Puts keys of its own in between: what each side seals and signs is opened and made anew. */
async function between(world: World, old: Machine, victim: Device) {
  const mine = await testKeys(5000);
  const ports = {
    clock: world.clock,
    random: seededRandom(5000),
    signatures: cheapSignatures,
    keys: mine,
    sealing: mine,
  };
  return { mine, envelopes: new Envelopes(ports), old, victim };
}

describe('the code', () => {
  test('a commitment opens to its nonce and its device alone', async () => {
    const [one, other] = [(await testKeys(1)).device, (await testKeys(2)).device];
    const nonce = seededRandom(1).bytes(32);
    const commitment = await commitmentTo(one, nonce, hashes);
    expect(await opensCommitment(commitment, one, nonce, hashes)).toBe(true);
    expect(await opensCommitment(commitment, other, nonce, hashes)).toBe(false);
    expect(await opensCommitment(commitment, { ...one, name: 'another' }, nonce, hashes)).toBe(false);
    for (let at = 0; at < nonce.length; at++) {
      const flipped = nonce.slice();
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      expect(await opensCommitment(commitment, one, flipped, hashes)).toBe(false);
    }
  });

  test('depends on everything in the transcript, and has eight digits', async () => {
    const [guest, host] = [(await testKeys(1)).device, (await testKeys(2)).device];
    const random = seededRandom(3);
    const { account } = await World.prototype.person.call(new World());
    const transcript = {
      account: account.id,
      root: account.rootKey,
      guest,
      host,
      guestNonce: random.bytes(32),
      hostNonce: random.bytes(32),
    };
    const code = await approvalCode(transcript, hashes);
    expect(code.digits).toMatch(/^\d{8}$/);
    expect(await approvalCode({ ...transcript }, hashes)).toEqual(code);
    const third = (await testKeys(3)).device;
    for (const change of [
      { account: guest.id as never },
      { root: guest.sign },
      { guest: third },
      { guest: { ...guest, name: 'x' } },
      { guest: { ...guest, agree: third.agree } },
      { host: { ...host, sign: third.sign } },
      { host: { ...host, agree: third.agree } },
      { guestNonce: random.bytes(32) },
      { hostNonce: random.bytes(32) },
    ])
      expect((await approvalCode({ ...transcript, ...change }, hashes)).digits).not.toBe(code.digits);
  });

  test('spreads over all digits', async () => {
    const guest = (await testKeys(1)).device;
    const random = seededRandom(4);
    const seen = new Set<string>();
    const firsts = new Array<number>(10).fill(0);
    for (let run = 0; run < 2000; run++) {
      const nonces = { guestNonce: random.bytes(32), hostNonce: random.bytes(32) };
      const { digits: code } = await approvalCode(
        { account: guest.id as never, root: guest.sign, guest, host: guest, ...nonces },
        hashes,
      );
      seen.add(code);
      firsts[Number(code[0])] = (firsts[Number(code[0])] ?? 0) + 1;
    }
    expect(seen.size).toBeGreaterThan(1998);
    expect(Math.min(...firsts)).toBeGreaterThan(130);
    expect(Math.max(...firsts)).toBeLessThan(270);
  });
});

describe('an approval', () => {
  test('both show the same code; approved, the new device is in the list that the old one signed', async () => {
    const { world, old, guest, states, keys } = await setUp();
    const before = await verifyChain(old.account.lists, verifying);
    await guest.ask();
    await world.run(500);
    expect(digits(guest.state)).toMatch(/^\d{8}$/);
    expect(pending(old)?.code.digits).toBe(digits(guest.state));
    expect(pending(old)?.guest).toEqual(keys.device);
    expect((await old.account.devices()).length).toBe(1);
    old.act((engine) => engine.approve(keys.id));
    await world.run(500);
    expect(states.at(-1)).toEqual({ kind: 'approved' });
    expect(pending(old)).toBeUndefined();
    expect(await approves(before, old.account.lists, keys.device, verifying)).toBe(true);
    expect(old.account.lists.at(-1)?.signer).toBe(old.device);
    expect(old.engine.devices.map(({ id }) => id)).toEqual([old.device, keys.id]);
  });

  test('refused on either side it is over, and approving comes too late', async () => {
    for (const by of ['old', 'new'] as const) {
      const { world, old, guest, keys } = await setUp();
      await guest.ask();
      await world.run(500);
      if (by === 'old') old.act((engine) => engine.approvals.refuse());
      else await guest.cancel();
      await world.run(500);
      expect(guest.state).toEqual({ kind: 'over', reason: 'refused' });
      expect(pending(old)).toBeUndefined();
      expect((await old.engine.approve(keys.id)).ok).toBe(false);
      expect(old.account.lists).toHaveLength(1);
    }
  });

  test('expires on both sides', async () => {
    const { world, old, guest, keys } = await setUp();
    await guest.ask();
    await world.run(500);
    expect(pending(old)).toBeDefined();
    await world.run(limits.approvalMs + 1000);
    expect(guest.state).toEqual({ kind: 'over', reason: 'expired' });
    expect(pending(old)).toBeUndefined();
    expect((await old.engine.approve(keys.id)).ok).toBe(false);
  });

  test('a device that is not there is said to be offline', async () => {
    const { world, old, guest } = await setUp();
    old.crash();
    await world.run(5_000);
    await guest.ask();
    expect(guest.state).toEqual({ kind: 'over', reason: 'offline' });
  });

  test('while a code is shown nobody else takes its place', async () => {
    const { world, old, guest } = await setUp();
    await guest.ask();
    await world.run(500);
    const shown = pending(old);
    const other = await newGuest(world, old, 950);
    await other.guest.ask();
    await world.run(500);
    expect(other.guest.state).toEqual({ kind: 'over', reason: 'refused' });
    expect(pending(old)).toEqual(shown);
  });
});

describe('a server that lies', () => {
  test('with keys of its own towards the old device: the codes differ', async () => {
    const { world, old, guest, keys } = await setUp();
    const { mine, envelopes } = await between(world, old, keys.device);
    // It asks in its own name, passes the old device's nonce on as it is, and can only open its own commitment.
    const nonce = seededRandom(7).bytes(32);
    const seal = async (body: ApprovalBody): Promise<Step> => ({
      from: mine.device,
      box: await envelopes.seal(old.keys.device, body),
    });
    world.server.guests.set(mine.id, {
      account: old.account.id,
      take: (event) =>
        void envelopes.open(old.keys.device, event.box).then(async (body) => {
          if (body.kind === 'nonce') world.server.ask(old.device, await seal({ kind: 'reveal', nonce }));
        }),
    });
    world.server.ask(
      old.device,
      await seal({ kind: 'ask', commitment: await commitmentTo(mine.device, nonce, hashes) }),
    );
    await world.run(500);
    // The person's real device asks too, and sees another code or none.
    await guest.ask();
    await world.run(500);
    expect(pending(old)?.guest.id).toBe(mine.id);
    expect(digits(guest.state)).not.toBe(pending(old)?.code.digits);
  });

  test('with another name or other keys for the new device: its commitment does not open', async () => {
    for (const swap of [
      (step: Step): Step => ({ ...step, from: { ...step.from, name: 'Trusted phone' } }),
      (step: Step): Step => ({ ...step, from: { ...step.from, agree: step.from.sign } }),
    ]) {
      const { world, old, guest } = await setUp();
      world.server.tampered = swap;
      await guest.ask();
      await world.run(1000);
      expect(pending(old)).toBeUndefined();
      expect(digits(guest.state)).not.toMatch(/^\d{8}$/);
    }
  });

  test('with another root for the account: the codes differ', async () => {
    const { world, old, keys } = await setUp();
    const lying = await world.person();
    // A chain under a root of the server's, which names the old device too.
    await lying.account.change([old.keys.device]);
    const guest = new ApprovalGuest(
      {
        clock: world.clock,
        random: seededRandom(8),
        hashes,
        signatures: cheapSignatures,
        keys,
        sealing: keys,
        send: (to, box) => Promise.resolve(world.server.ask(to.id, { from: keys.device, box })),
        report: () => undefined,
      },
      {
        account: old.account.id,
        chain: await verifyChain(lying.account.lists, verifying),
        guest: keys.device,
        host: old.keys.device,
      },
      () => undefined,
    );
    world.server.guests.set(keys.id, { account: old.account.id, take: (event) => void guest.take(event) });
    await guest.ask();
    await world.run(500);
    expect(pending(old)?.code.digits).toMatch(/^\d{8}$/);
    expect(digits(guest.state)).not.toBe(pending(old)?.code.digits);
  });

  test('that answers in the old device’s place is not heard', async () => {
    const { world, old, guest, keys } = await setUp();
    const { envelopes } = await between(world, old, keys.device);
    for (const body of [
      { kind: 'nonce', nonce: new Uint8Array(32) },
      { kind: 'verdict', verdict: 'approved' },
    ] as const)
      await guest.take({ from: old.keys.device, box: await envelopes.seal(keys.device, body) });
    expect(guest.state).toEqual({ kind: 'asking' });
    expect(old.account.lists).toHaveLength(1);
  });

  test('that repeats steps gets nothing by it', async () => {
    const { world, old, guest, keys } = await setUp();
    const steps: Step[] = [];
    world.server.tampered = (step) => {
      steps.push(step);
      return step;
    };
    await guest.ask();
    await world.run(500);
    const shown = pending(old);
    world.server.tampered = (step) => step;
    for (const step of steps.filter(({ from }) => from.id === keys.id)) world.server.ask(old.device, step);
    for (const step of steps.filter(({ from }) => from.id === old.device)) await guest.take(step);
    await world.run(500);
    expect(pending(old)).toEqual(shown);
    expect(digits(guest.state)).toBe(shown?.code.digits);
    // And once it is over it does not begin again.
    old.act((engine) => engine.approvals.refuse());
    await world.run(500);
    for (const step of steps.filter(({ from }) => from.id === keys.id)) world.server.ask(old.device, step);
    await world.run(500);
    expect(pending(old)).toBeUndefined();
  });

  test('cannot have a code compared twice: whoever asks again under one key is refused', async () => {
    const { world, old, guest, keys } = await setUp();
    await guest.ask();
    await world.run(500);
    const again = await newGuestWith(world, old, keys);
    await again.ask();
    await world.run(500);
    expect(pending(old)).toBeUndefined();
  });

  test('cannot say that the device was approved', async () => {
    const { old, keys } = await setUp();
    const before = await verifyChain(old.account.lists, verifying);
    expect(await approves(before, old.account.lists, keys.device, verifying)).toBe(false);
    const stranger = await testKeys(77);
    const forged = await signList(listWith(before, keys.device), {
      signer: stranger.id,
      sign: (message) => stranger.sign(message),
    });
    await expect(approves(before, [...old.account.lists, forged], keys.device, verifying)).rejects.toThrow('entitled');
    // Another device under the same keys is not what was approved.
    await old.account.change([old.keys.device, { ...keys.device, name: 'other' }]);
    expect(await approves(before, old.account.lists, keys.device, verifying)).toBe(false);
  });
});

/** The same keys, a second time. */
async function newGuestWith(world: World, old: Machine, keys: Awaited<ReturnType<typeof testKeys>>) {
  return new ApprovalGuest(
    {
      clock: world.clock,
      random: seededRandom(999),
      hashes,
      signatures: cheapSignatures,
      keys,
      sealing: keys,
      send: (to, box) => Promise.resolve(world.server.ask(to.id, { from: keys.device, box })),
      report: () => undefined,
    },
    {
      account: old.account.id,
      chain: await verifyChain(old.account.lists, verifying),
      guest: keys.device,
      host: old.keys.device,
    },
    () => undefined,
  );
}
