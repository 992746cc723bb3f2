/**
 * The new device's side of an approval: asks one device of its account, shows a code, and waits for the verdict. It takes each step once;
 * whatever is out of order ends it, and the next try begins with new keys (docs/protocol.md, "Approval of a new device").
 */
import { equalBytes, type Bytes } from '../../protocol/bytes.ts';
import type { ApprovalBody } from '../../protocol/approval.ts';
import { encodeCbor } from '../../protocol/codec.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { ServerEvent } from '../../protocol/events.ts';
import type { AccountId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { Device, SignedDeviceList } from '../../protocol/people.ts';
import { compareToPin, pinOf, verifyChain, type VerifiedChain } from '../identity/device-list.ts';
import { Envelopes, type EnvelopePorts } from '../identity/envelope.ts';
import { Serial } from '../feed/serial.ts';
import type { Hashes } from '../ports.ts';
import { approvalCode, commitmentTo, type ApprovalCode } from './approval-code.ts';

export type GuestState =
  | { kind: 'asking' }
  | { kind: 'comparing'; code: ApprovalCode }
  /** The old device says so; `approvedLists` checks it. */
  | { kind: 'approved' }
  | { kind: 'over'; reason: 'refused' | 'expired' | 'offline' | 'failed' };

export interface GuestPorts extends EnvelopePorts {
  hashes: Hashes;
  /** Resolves to whether the server passed it on. */
  send(to: Device, box: string): Promise<boolean>;
  report(problem: unknown): void;
}

export class ApprovalGuest {
  #state: GuestState = { kind: 'asking' };
  readonly #nonce: Bytes;
  readonly #envelopes: Envelopes;
  readonly #line = new Serial();
  readonly #cancelExpiry: () => void;

  constructor(
    private readonly ports: GuestPorts,
    /** `host`: a device of the chain that was verified for the account. */
    private readonly between: { account: AccountId; chain: VerifiedChain; guest: Device; host: Device },
    private readonly changed: (state: GuestState) => void,
  ) {
    this.#nonce = ports.random.bytes(32);
    this.#envelopes = new Envelopes(ports);
    this.#cancelExpiry = ports.clock.after(limits.approvalMs, () => this.#end('expired'));
  }

  get state(): GuestState {
    return this.#state;
  }

  async ask(): Promise<void> {
    const commitment = await commitmentTo(this.between.guest, this.#nonce, this.ports.hashes);
    if (!(await this.#send({ kind: 'ask', commitment }))) this.#end('offline');
  }

  take({ from, box }: ServerEvent<'approval'>): Promise<void> {
    return this.#line.run(async () => {
      if (from.id !== this.between.host.id) return;
      let body: Awaited<ReturnType<Envelopes['open']>>;
      try {
        // Keys from the verified chain, never those that came with the event.
        body = await this.#envelopes.open(this.between.host, box);
      } catch (problem) {
        if (!(problem instanceof ProtocolError)) throw problem;
        this.ports.report(problem); // not of the device that was asked: as if it had not come
        return;
      }
      await this.#step(body as ApprovalBody);
    });
  }

  async #step(body: ApprovalBody): Promise<void> {
    const { kind } = this.#state;
    if (kind === 'over' || kind === 'approved') return;
    if (body.kind === 'nonce' && kind === 'asking') {
      const { account, chain, guest, host } = this.between;
      const code = await approvalCode(
        { account, root: chain.newest.root, guest, host, guestNonce: this.#nonce, hostNonce: body.nonce },
        this.ports.hashes,
      );
      if (await this.#send({ kind: 'reveal', nonce: this.#nonce })) this.#set({ kind: 'comparing', code });
      else this.#end('offline');
    } else if (body.kind === 'verdict' && body.verdict === 'refused') this.#end('refused');
    else if (body.kind === 'verdict' && kind === 'comparing') {
      this.#cancelExpiry();
      this.#set({ kind: 'approved' });
    } else {
      this.#end('failed');
      await this.#send({ kind: 'verdict', verdict: 'refused' });
    }
  }

  /** The person goes another way. */
  async cancel(): Promise<void> {
    if (this.#state.kind !== 'asking' && this.#state.kind !== 'comparing') return;
    this.#end('refused');
    await this.#send({ kind: 'verdict', verdict: 'refused' });
  }

  async #send(body: ApprovalBody): Promise<boolean> {
    const { host } = this.between;
    return this.ports.send(host, await this.#envelopes.seal(host, body));
  }

  #end(reason: Extract<GuestState, { kind: 'over' }>['reason']): void {
    if (this.#state.kind === 'over' || this.#state.kind === 'approved') return;
    this.#cancelExpiry();
    this.#set({ kind: 'over', reason });
  }

  #set(state: GuestState): void {
    this.#state = state;
    this.changed(state);
  }
}

/**
 * Whether these lists, of the server, make this very device one of the account that was known before: the same chain, grown.
 * @throws ProtocolError when they are no chain at all.
 */
export async function approves(
  before: VerifiedChain,
  lists: readonly SignedDeviceList[],
  device: Device,
  ports: Parameters<typeof verifyChain>[1],
): Promise<boolean> {
  const chain = await verifyChain(lists, ports);
  if (compareToPin(pinOf(before), chain) !== 'newer') return false;
  const named = chain.newest.devices.find(({ id }) => id === device.id);
  return named !== undefined && equalBytes(encodeCbor(named), encodeCbor(device));
}
