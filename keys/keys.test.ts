import { expect, test } from 'vitest';
import {
  generateAccountKeys,
  keysWork,
  newRecoveryCode,
  parseRecoveryCode,
  unwrapAccountKeys,
} from './account-keys.ts';
import { describeDevice, deviceKeys, generateDeviceKeys, hashes, random, signatures } from './web-crypto.ts';
import { compareToPin, firstList, listWith, pinOf, signList, verifyChain } from '../engine/identity/device-list.ts';
import { Envelopes } from '../engine/identity/envelope.ts';
import { fromBase64, toBase64 } from '../protocol/bytes.ts';
import { limits } from '../protocol/limits.ts';
import type { LinkId } from '../protocol/ids.ts';

const ports = { hashes, signatures };

async function person() {
  const account = await generateAccountKeys();
  const pairs = await generateDeviceKeys();
  const device = await describeDevice(pairs, 'Laptop', 1);
  const list = await signList(firstList(account.root, account.vault, device), account.signer);
  return { account, pairs, device, keys: deviceKeys(device.id, pairs), lists: [list] };
}

test('the recovery code unwraps the account keys, however it is typed, and nothing else does', async () => {
  const keys = await generateAccountKeys();
  const code = await newRecoveryCode();
  expect(code).toMatch(/^([0-9A-Z]{4}-){6}[0-9A-Z]{4}$/);
  const wrapped = await keys.wrap(code);
  for (const typed of [
    code,
    code.toLowerCase(),
    code.replaceAll('-', ' '),
    code.replaceAll('0', 'O').replaceAll('1', 'l'),
  ])
    expect((await unwrapAccountKeys(wrapped, typed))?.root).toBe(keys.root);
  expect(await unwrapAccountKeys(wrapped, await newRecoveryCode())).toBeUndefined();
  expect(await unwrapAccountKeys(wrapped, '')).toBeUndefined();
});

test('a slip of the pen in the recovery code is noticed in at least 98 of 100 places', async () => {
  const code = await newRecoveryCode();
  let noticed = 0;
  let tried = 0;
  for (let at = 0; at < 26; at++) {
    for (const other of 'AZ9') {
      const text = code.replaceAll('-', '');
      if (text[at] === other) continue;
      tried++;
      if (!(await parseRecoveryCode(text.slice(0, at) + other + text.slice(at + 1)))) noticed++;
    }
  }
  expect(noticed / tried).toBeGreaterThan(0.9);
});

test('device keys sign and agree', async () => {
  expect(await keysWork(await generateDeviceKeys())).toBe(true);
});

test('a chain verifies, grows under its pin, and every flipped byte of it is refused', async () => {
  const alice = await person();
  const first = await verifyChain(alice.lists, ports);
  const phone = await describeDevice(await generateDeviceKeys(), 'Phone', 2);
  const second = await signList(listWith(first, phone), { signer: alice.device.id, sign: (m) => alice.keys.sign(m) });
  const lists = [...alice.lists, second];
  const chain = await verifyChain(lists, ports);
  expect(chain.newest.devices.map((d) => d.name)).toEqual(['Laptop', 'Phone']);
  expect(compareToPin(pinOf(first), chain)).toBe('newer');
  expect(compareToPin(pinOf(chain), chain)).toBe('same');
  expect(compareToPin(pinOf(chain), first)).toBe('older');
  const mallory = await person();
  expect(compareToPin(pinOf(first), await verifyChain(mallory.lists, ports))).toBe('changed');
  const body = fromBase64(second.body);
  for (let at = 0; at < body.length; at += 7) {
    const spoiled = body.slice();
    spoiled[at] = (spoiled[at] ?? 0) ^ 1;
    await expect(verifyChain([...alice.lists, { ...second, body: toBase64(spoiled) }], ports)).rejects.toThrow();
  }
  const stranger = await signList(listWith(first, phone), {
    signer: mallory.device.id,
    sign: (m) => mallory.keys.sign(m),
  });
  await expect(verifyChain([...alice.lists, stranger], ports)).rejects.toThrow('not entitled');
});

test('an envelope opens once, for its recipient, from its sender, in its time', async () => {
  const [alice, bob, mallory] = await Promise.all([person(), person(), person()]);
  let now = 1_000_000;
  const clock = { now: () => now, after: () => () => undefined };
  const of = (who: typeof alice) => new Envelopes({ clock, random, signatures, keys: who.keys, sealing: who.keys });
  const body = {
    kind: 'sdp',
    link: toBase64(random.bytes(16)) as LinkId,
    epoch: 0,
    type: 'offer',
    sdp: 'v=0',
  } as const;
  const box = await of(alice).seal(bob.device, body);
  const inbox = of(bob);
  expect(await inbox.open(alice.device, box)).toEqual(body);
  await expect(inbox.open(alice.device, box)).rejects.toThrow('seen before');
  await expect(of(bob).open(mallory.device, box)).rejects.toThrow('wrong signature');
  await expect(of(mallory).open(alice.device, box)).rejects.toThrow('does not open');
  now += limits.signalTtlMs + limits.clockSkewMs + 1;
  await expect(of(bob).open(alice.device, box)).rejects.toThrow('expired');
  const bytes = fromBase64(box);
  for (let at = 0; at < bytes.length; at += 11) {
    const spoiled = bytes.slice();
    spoiled[at] = (spoiled[at] ?? 0) ^ 128;
    await expect(of(bob).open(alice.device, toBase64(spoiled))).rejects.toThrow();
  }
});
