/** This browser asks a device of the account to let it in: keys, the connection, and what the screen shows of it. */
import { ApprovalGuest, approves, type GuestState } from '../../../engine/devices/approval-guest.ts';
import { verifyChain, type VerifiedChain } from '../../../engine/identity/device-list.ts';
import type { Clock } from '../../../engine/ports.ts';
import { deviceKeys, hashes, random, signatures } from '../../../keys/web-crypto.ts';
import { connectGuest, type GuestConnection } from '../../../link/guest.ts';
import type { OwnAccount } from '../../../protocol/http.ts';
import type { DeviceId } from '../../../protocol/ids.ts';
import * as api from '../platform/api.ts';
import { adopt, newDevice, type NewDevice, type SessionOutcome } from './session.ts';
import type { ActionResult } from './actions.ts';

export class Approval {
  #state: GuestState = { kind: 'asking' };
  #guest: ApprovalGuest | undefined;
  #connection: GuestConnection | undefined;

  constructor(
    private readonly parts: { clock: Clock; report: (problem: unknown) => void },
    readonly account: OwnAccount,
    /** The device that is asked. */
    readonly host: DeviceId,
    private readonly events: { changed(): void; done(outcome: SessionOutcome): void },
  ) {}

  get state(): GuestState {
    return this.#state;
  }

  async ask(): Promise<ActionResult> {
    const { clock, report } = this.parts;
    const fresh = await api.session();
    if (!fresh.ok) return fresh;
    const chain = await verifyChain(fresh.value.lists, { hashes, signatures });
    const host = chain.newest.devices.find(({ id }) => id === this.host);
    if (!host) return { ok: false, error: { code: 'unknown-device' } };
    const made = await newDevice();
    if (!made) return { ok: false, error: { code: 'storage' } };
    const connection = await connectGuest({
      report,
      approval: (step) => void this.#guest?.take(step).catch(report),
    });
    if (!connection) return { ok: false, error: { code: 'no-server' } };
    this.#connection = connection;
    const keys = deviceKeys(made.device.id, made.pairs);
    this.#guest = new ApprovalGuest(
      {
        clock,
        random,
        hashes,
        signatures,
        keys,
        sealing: keys,
        send: (to, box) => connection.send(made.device, to.id, box),
        report,
      },
      { account: this.account.id, chain, guest: made.device, host },
      (state) => this.#onState(state, chain, made),
    );
    await this.#guest.ask();
    return { ok: true };
  }

  async cancel(): Promise<void> {
    await this.#guest?.cancel();
    this.#connection?.close();
  }

  #onState(state: GuestState, chain: VerifiedChain, made: NewDevice): void {
    this.#state = state;
    this.events.changed();
    if (state.kind === 'over') this.#connection?.close();
    if (state.kind === 'approved')
      this.#adopt(chain, made).then((outcome) => this.events.done(outcome), this.parts.report);
  }

  async #adopt(chain: VerifiedChain, { device, pairs }: NewDevice): Promise<SessionOutcome> {
    this.#connection?.close();
    const fresh = await api.session();
    if (!fresh.ok) return { kind: 'error', error: fresh.error };
    if (!(await approves(chain, fresh.value.lists, device, { hashes, signatures })))
      return { kind: 'error', error: { code: 'not-allowed' } };
    return adopt(fresh.value, device, pairs, undefined, this.parts.report);
  }
}
