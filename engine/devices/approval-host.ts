/**
 * The old device's side of an approval: one guest at a time, one try each. Nothing is shown to the person before the guest has opened its
 * commitment, and while a code is shown nobody else takes its place.
 */
import type { ApprovalBody } from '../../protocol/approval.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { ServerEvent } from '../../protocol/events.ts';
import type { AccountId, DeviceId, PublicKey } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { Device } from '../../protocol/people.ts';
import { Serial } from '../feed/serial.ts';
import { deviceIdOf } from '../identity/device-list.ts';
import type { Envelopes } from '../identity/envelope.ts';
import type { Clock, Hashes, Random } from '../ports.ts';
import { approvalCode, opensCommitment, type ApprovalCode } from './approval-code.ts';

interface Asked {
  guest: Device;
  commitment: Bytes;
  nonce: Bytes;
}
type State =
  | { kind: 'idle' }
  | ({ kind: 'asked' } & Asked)
  | { kind: 'comparing'; guest: Device; code: ApprovalCode; expiresAt: number };

/** What the person is asked. */
export interface PendingApproval {
  guest: Device;
  code: ApprovalCode;
  expiresAt: number;
}

export interface HostPorts {
  clock: Clock;
  random: Random;
  hashes: Hashes;
  envelopes: Envelopes;
  /** This account as this device knows it. */
  own(): { account: AccountId; root: PublicKey; device: Device | undefined; isMine(device: DeviceId): boolean };
  send(to: Device, box: string): Promise<boolean>;
}

export class ApprovalHost {
  #state: State = { kind: 'idle' };
  #cancelExpiry: () => void = () => undefined;
  readonly #line = new Serial();

  constructor(
    private readonly ports: HostPorts,
    private readonly changed: () => void,
  ) {}

  get pending(): PendingApproval | undefined {
    return this.#state.kind === 'comparing' ? this.#state : undefined;
  }

  /** Rejects with ProtocolError for what a guest or the server did wrong; nothing else follows from it. */
  take({ from, box }: ServerEvent<'approval'>): Promise<void> {
    return this.#line.run(async () => {
      if ((await deviceIdOf(from, this.ports.hashes)) !== from.id)
        throw new ProtocolError('malformed', 'a guest that is not its keys');
      if (this.ports.own().isMine(from.id)) throw new ProtocolError('not-allowed', 'a guest that is a device already');
      const body = (await this.ports.envelopes.open(from, box)) as ApprovalBody;
      switch (body.kind) {
        case 'ask':
          return this.#asked(from, body.commitment);
        case 'reveal':
          return this.#revealed(from, body.nonce);
        case 'verdict':
          if (this.#isOf(from)) this.#idle();
          return;
        default:
          throw new ProtocolError('not-allowed', `${body.kind} of a guest`);
      }
    });
  }

  /** The person said that the codes are the same. @returns the device to certify, once. */
  approved(guest: DeviceId): Device | undefined {
    const state = this.#state;
    if (state.kind !== 'comparing' || state.guest.id !== guest) return undefined;
    if (this.ports.clock.now() >= state.expiresAt) return undefined;
    return state.guest;
  }

  /** The list with the guest is at the server. */
  async done(guest: Device): Promise<void> {
    if (this.#isOf(guest)) this.#idle();
    await this.#send(guest, { kind: 'verdict', verdict: 'approved' });
  }

  async refuse(): Promise<void> {
    if (this.#state.kind === 'idle') return;
    const { guest } = this.#state;
    this.#idle();
    await this.#send(guest, { kind: 'verdict', verdict: 'refused' });
  }

  stop(): void {
    this.#cancelExpiry();
  }

  async #asked(guest: Device, commitment: Bytes): Promise<void> {
    if (this.#isOf(guest)) {
      // Whoever asks twice under one key wants another try.
      await this.refuse();
      throw new ProtocolError('not-allowed', 'a guest that asks again');
    }
    if (this.#state.kind === 'comparing') {
      await this.#send(guest, { kind: 'verdict', verdict: 'refused' });
      return;
    }
    const nonce = this.ports.random.bytes(32);
    this.#cancelExpiry();
    this.#cancelExpiry = this.ports.clock.after(limits.approvalMs, () => this.#idle());
    this.#state = { kind: 'asked', guest, commitment, nonce };
    if (!(await this.#send(guest, { kind: 'nonce', nonce }))) this.#idle();
  }

  async #revealed(guest: Device, guestNonce: Bytes): Promise<void> {
    const state = this.#state;
    if (state.kind === 'idle' || !this.#isOf(guest)) return; // of one that is over
    const { account, root, device } = this.ports.own();
    if (
      state.kind !== 'asked' ||
      !device ||
      !(await opensCommitment(state.commitment, state.guest, guestNonce, this.ports.hashes))
    ) {
      await this.refuse();
      throw new ProtocolError('not-allowed', 'a nonce that was not committed to');
    }
    const transcript = { account, root, guest: state.guest, host: device, guestNonce, hostNonce: state.nonce };
    const code = await approvalCode(transcript, this.ports.hashes);
    if (this.#state !== state) return; // it expired meanwhile
    this.#state = {
      kind: 'comparing',
      guest: state.guest,
      code,
      expiresAt: this.ports.clock.now() + limits.approvalMs,
    };
    this.#cancelExpiry();
    this.#cancelExpiry = this.ports.clock.after(limits.approvalMs, () => this.#idle());
    this.changed();
  }

  #isOf(guest: Device): boolean {
    return this.#state.kind !== 'idle' && this.#state.guest.id === guest.id;
  }

  #idle(): void {
    this.#cancelExpiry();
    this.#state = { kind: 'idle' };
    this.changed();
  }

  async #send(to: Device, body: ApprovalBody): Promise<boolean> {
    return this.ports.send(to, await this.ports.envelopes.seal(to, body));
  }
}
