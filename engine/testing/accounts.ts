/**
 * Accounts and devices for simulations, with cheap keys (see `keys.ts`) unless real ones are asked for: signing and sealing cost a hash, and
 * always give the same bytes.
 */
import { concatBytes, equalBytes, toBase64, toUtf8, type Bytes } from '../../protocol/bytes.ts';
import type { AccountId, PublicKey } from '../../protocol/ids.ts';
import type { OwnAccount } from '../../protocol/http.ts';
import { Handle } from '../../protocol/names.ts';
import type { Device, PublicAccount, SignedDeviceList } from '../../protocol/people.ts';
import * as v from 'valibot';
import { deviceIdOf, firstList, signList, verifyChain, type ListSigner } from '../identity/device-list.ts';
import type { Sealing } from '../identity/envelope.ts';
import type { DeviceKeys } from '../ports.ts';
import { cheapCrypto, hashes, type TestCrypto } from './keys.ts';

export interface TestKeys extends DeviceKeys, Sealing {
  readonly device: Device;
}

const digest = async (...parts: Uint8Array[]): Promise<Bytes> => hashes.sha256(concatBytes(...parts));

/** Always the same keys for the same number. */
export async function testKeys(number: number, crypto: TestCrypto = cheapCrypto): Promise<TestKeys> {
  const signer = crypto.device(number);
  const { publicKey } = signer;
  const agree = await digest(toUtf8(`agree ${number}`));
  const keys = { sign: toBase64(publicKey) as PublicKey, agree: toBase64(agree) as PublicKey };
  const device: Device = { id: await deviceIdOf(keys, hashes), ...keys, name: `device ${number}`, addedAt: 0 };
  return {
    id: device.id,
    device,
    sign: (message) => signer.sign(message),
    seal: async (to, plain) => concatBytes(to, await digest(to, plain), plain),
    async open(box) {
      const plain = box.slice(64);
      if (!equalBytes(box.slice(0, 32), agree) || !equalBytes(box.slice(32, 64), await digest(agree, plain)))
        throw new Error('not sealed to this device, or altered');
      return plain;
    },
  };
}

/** An account as its owner has it: the root at hand, and the chain that the server would hand out. */
export class TestAccount {
  private constructor(
    readonly id: AccountId,
    readonly handle: Handle,
    private root: { key: PublicKey; signer: ListSigner },
    public lists: SignedDeviceList[],
    private readonly crypto: TestCrypto,
  ) {}

  static async create(
    number: number,
    first: Device,
    handle = `person-${number}`,
    crypto: TestCrypto = cheapCrypto,
  ): Promise<TestAccount> {
    const id = toBase64((await digest(toUtf8(`account ${number}`))).subarray(0, 16)) as AccountId;
    const root = rootOf(number, 0, crypto);
    const list = await signList(firstList(root.key, root.key, first), root.signer);
    return new TestAccount(id, v.parse(Handle, handle), root, [list], crypto);
  }

  get rootKey(): PublicKey {
    return this.root.key;
  }

  async devices(): Promise<Device[]> {
    return (await verifyChain(this.lists, { hashes, signatures: this.crypto.signatures })).newest.devices;
  }

  /** The next list, with these devices, signed by the root or by one of the devices before. */
  async change(devices: Device[], signer: ListSigner = this.root.signer): Promise<void> {
    const { newest, newestHash } = await verifyChain(this.lists, { hashes, signatures: this.crypto.signatures });
    const body = { ...newest, number: newest.number + 1, previous: newestHash, devices };
    this.lists = [...this.lists, await signList(body, signer)];
  }

  /** Another root, as after a lost recovery code. */
  async reset(number: number, generation: number, first: Device): Promise<void> {
    this.root = rootOf(number, generation, this.crypto);
    this.lists = [await signList(firstList(this.root.key, this.root.key, first), this.root.signer)];
  }

  get public(): PublicAccount {
    return { id: this.id, handle: this.handle, displayName: this.handle, lists: this.lists };
  }

  get own(): OwnAccount {
    return { ...this.public, wrapped: 'wrapped' };
  }
}

function rootOf(number: number, generation: number, crypto: TestCrypto): { key: PublicKey; signer: ListSigner } {
  const root = crypto.device(10_000 + 100 * number + generation);
  return {
    key: toBase64(root.publicKey) as PublicKey,
    signer: { signer: 'root', sign: (message) => root.sign(message) },
  };
}
