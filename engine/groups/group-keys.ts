/**
 * Owns the keys of one group on this device: which there are, which of them is in force, what is encrypted under them. A key is in force until
 * one of the devices that it was sealed to is no device of a member any more; whoever writes next then makes a new one.
 */
import { concatBytes, fromBase64, toUtf8, type Bytes } from '../../protocol/bytes.ts';
import { encodeCbor } from '../../protocol/codec.ts';
import type { GroupPayload } from '../../protocol/group.ts';
import type { ConversationId, DeviceId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { Device } from '../../protocol/people.ts';
import type { Sealing } from '../identity/envelope.ts';
import type { Hashes, Random } from '../ports.ts';
import type { GroupState } from './group-log.ts';
import { isOf, type LogEntryOf } from './log-entry.ts';
import type { Membership } from './membership.ts';
import type { GroupCrypto } from './ports.ts';

const keyBytes = 32;
const nonceBytes = 12;

export interface GroupKeyPorts {
  hashes: Hashes;
  random: Random;
  crypto: GroupCrypto;
  keys: Sealing & { readonly id: DeviceId };
  report(problem: unknown): void;
}

export async function keyNumber(key: Uint8Array, hashes: Hashes): Promise<number> {
  const hash = await hashes.sha256(concatBytes(toUtf8('causeway/group-key-number/1'), key));
  return hash.subarray(0, 6).reduce((sum, byte) => sum * 256 + byte, 0) || 1;
}

/** What the log says of keys: which were made, in its order, and which device each was sealed to. */
interface Sealed {
  of: Membership;
  made: readonly LogEntryOf<'group-key'>[];
  holders: ReadonlyMap<number, ReadonlySet<DeviceId>>;
}

export class GroupKeys {
  readonly #keys = new Map<number, Bytes>();
  /** Boxes that were looked at: they do not open the second time either. */
  readonly #tried = new Set<string>();
  #sealed: Sealed | undefined;

  constructor(
    private readonly log: ConversationId,
    private readonly ports: GroupKeyPorts,
  ) {}

  get some(): boolean {
    return this.#keys.size > 0;
  }

  has(number: number): boolean {
    return this.#keys.has(number);
  }

  /** Opens what the log has for this device. Says whether that brought a key. */
  async learn(state: GroupState): Promise<boolean> {
    const before = this.#keys.size;
    for (const entry of state.membership.keys) {
      if (!isOf(entry, 'group-sealed')) continue;
      for (const [index, [number, device, box]] of entry.payload.sealed.entries()) {
        if (device !== this.ports.keys.id || this.#keys.has(number)) continue;
        const name = `${entry.hash} ${index}`;
        if (this.#tried.has(name)) continue;
        this.#tried.add(name);
        await this.#keep(number, await this.#unseal(box));
      }
    }
    // Newest first: each key opens those before it.
    for (const { payload } of this.#sealedIn(state).made.toReversed()) {
      const key = this.#keys.get(payload.key);
      if (!key) continue;
      for (const [number, box] of payload.before)
        if (!this.#keys.has(number)) await this.#keep(number, await this.open(key, box, [this.log, number]));
    }
    return this.#keys.size > before;
  }

  /** The newest key that may be used: of those that this device has, if all it was sealed to are devices of members. */
  inForce(state: GroupState): number | undefined {
    const { made, holders } = this.#sealedIn(state);
    for (const { payload } of made.toReversed()) {
      if (!this.#keys.has(payload.key)) continue;
      const held = [...(holders.get(payload.key) ?? [])];
      // A device that nobody ever had is nobody's who was lost.
      if (held.every((device) => state.current.has(device) || !state.devices.device(device))) return payload.key;
    }
    return undefined;
  }

  /** Devices of members that the key in force is not sealed to. */
  lacking(state: GroupState): Device[] {
    const number = this.inForce(state);
    if (number === undefined) return [];
    const holders = this.#sealedIn(state).holders.get(number);
    return [...state.current.values()].filter(({ id }) => !holders?.has(id));
  }

  /** A new key for all devices of members: what to write into the log. */
  async make(state: GroupState): Promise<{ number: number; payloads: GroupPayload[] }> {
    const key = this.ports.random.bytes(keyBytes);
    const number = await keyNumber(key, this.ports.hashes);
    const before: [number, Bytes][] = [];
    for (const old of this.#heads(state).slice(0, limits.groupKeysBefore)) {
      const known = this.#keys.get(old);
      if (known) before.push([old, await this.seal(key, known, [this.log, old])]);
    }
    this.#keys.set(number, key);
    const sealed = await this.sealFor(number, [...state.current.values()]);
    return { number, payloads: [{ kind: 'group-key', key: number, before }, ...sealed] };
  }

  async sealFor(number: number, devices: readonly Device[]): Promise<GroupPayload[]> {
    const key = this.#keys.get(number);
    if (!key) throw new Error('a key that this device does not have');
    const boxes = await Promise.all(
      devices.map(async ({ id, agree }): Promise<[number, DeviceId, Bytes]> => [
        number,
        id,
        await this.ports.keys.seal(fromBase64(agree), key),
      ]),
    );
    const payloads: GroupPayload[] = [];
    for (let at = 0; at < boxes.length; at += limits.sealedPerEntry)
      payloads.push({ kind: 'group-sealed', sealed: boxes.slice(at, at + limits.sealedPerEntry) });
    return payloads;
  }

  /** Undefined when there is no such key, or the box is not under it. */
  async openUnder(number: number, box: Uint8Array, context: unknown): Promise<Bytes | undefined> {
    const key = this.#keys.get(number);
    return key && this.open(key, box, context);
  }

  async sealUnder(number: number, plain: Uint8Array, context: unknown): Promise<Bytes> {
    const key = this.#keys.get(number);
    if (!key) throw new Error('a key that this device does not have');
    return this.seal(key, plain, context);
  }

  async seal(key: Uint8Array, plain: Uint8Array, context: unknown): Promise<Bytes> {
    const nonce = this.ports.random.bytes(nonceBytes);
    return concatBytes(nonce, await this.ports.crypto.encrypt(key, nonce, plain, encodeCbor(context)));
  }

  async open(key: Uint8Array, box: Uint8Array, context: unknown): Promise<Bytes | undefined> {
    if (box.length < nonceBytes) return undefined;
    const nonce = box.subarray(0, nonceBytes);
    return this.ports.crypto.decrypt(key, nonce, box.subarray(nonceBytes), encodeCbor(context));
  }

  async #unseal(box: Uint8Array): Promise<Bytes | undefined> {
    try {
      return await this.ports.keys.open(box);
    } catch (problem) {
      this.ports.report(problem); // a member sealed it wrongly; another one may do better
      return undefined;
    }
  }

  async #keep(number: number, key: Bytes | undefined): Promise<void> {
    if (key?.length === keyBytes && (await keyNumber(key, this.ports.hashes)) === number) this.#keys.set(number, key);
  }

  /** Keys that no other key opens. */
  #heads(state: GroupState): number[] {
    const { made } = this.#sealedIn(state);
    const opened = new Set(made.flatMap(({ payload }) => payload.before.map(([number]) => number)));
    return made.map(({ payload }) => payload.key).filter((number) => !opened.has(number));
  }

  /** Read once for each state of the log. */
  #sealedIn({ membership }: GroupState): Sealed {
    if (this.#sealed?.of === membership) return this.#sealed;
    const holders = new Map<number, Set<DeviceId>>();
    for (const entry of membership.keys)
      if (isOf(entry, 'group-sealed'))
        for (const [key, device] of entry.payload.sealed) {
          const held = holders.get(key);
          if (held) held.add(device);
          else holders.set(key, new Set([device]));
        }
    const made = membership.keys.filter((entry) => isOf(entry, 'group-key'));
    return (this.#sealed = { of: membership, made, holders });
  }
}

/** Bytes that encryption adds to a payload. */
export const sealedOverheadBytes = nonceBytes + 16;
