/**
 * Both sides prove their device keys over both DTLS fingerprints before any application frame (invariant 5). Each says `hello` with a
 * nonce and an expiry, then signs one transcript that holds the link, the lane, the roles, both devices, both nonces, both fingerprints and
 * both expiries. Whoever terminates DTLS in between has another fingerprint on one side, and the proofs do not fit. Fails closed.
 */
import { encodeCbor } from '../../protocol/codec.ts';
import type { Bytes } from '../../protocol/bytes.ts';
import { signedBytes } from '../../protocol/domains.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { ControlFrame } from '../../protocol/frame.ts';
import type { DeviceId, LinkId } from '../../protocol/ids.ts';
import { limits, PROTOCOL_VERSION } from '../../protocol/limits.ts';
import type { Clock, DeviceKeys, Random, Signatures } from '../ports.ts';

export interface HandshakePorts {
  clock: Clock;
  random: Random;
  signatures: Signatures;
  keys: DeviceKeys;
}

export interface HandshakeOptions {
  link: LinkId;
  epoch: number;
  /** Which connection of the link this is. */
  lane: number;
  role: 'initiator' | 'responder';
  peer: { id: DeviceId; signKey: Uint8Array };
  /** SHA-256 fingerprints of both certificates, hex, as the descriptions in force have them. */
  localFingerprint: string;
  remoteFingerprint: string;
}

type Hello = Extract<ControlFrame, { kind: 'hello' }>;
type State = { kind: 'await-hello' } | { kind: 'await-proof'; theirs: Hello } | { kind: 'proven' } | { kind: 'failed' };

export class Handshake {
  #state: State = { kind: 'await-hello' };
  readonly #mine: Hello;

  constructor(
    private readonly ports: HandshakePorts,
    private readonly options: HandshakeOptions,
  ) {
    this.#mine = {
      kind: 'hello',
      version: PROTOCOL_VERSION,
      link: options.link,
      epoch: options.epoch,
      lane: options.lane,
      device: ports.keys.id,
      nonce: ports.random.bytes(32),
      expiresAt: Math.ceil(ports.clock.now()) + limits.linkSetupMs + limits.clockSkewMs,
    };
  }

  /** The first frame of this side; sent at once. */
  hello(): ControlFrame {
    return this.#mine;
  }

  /**
   * Takes a frame of the other side. Frames must be given one after the other.
   * @returns frames to send and whether both sides are proven now.
   * @throws ProtocolError when anything is not as it must be; the link is then closed for good.
   */
  async onFrame(frame: ControlFrame): Promise<{ send: ControlFrame[]; proven: boolean }> {
    const state = this.#state;
    try {
      if (state.kind === 'await-hello' && frame.kind === 'hello') {
        this.#check(frame);
        this.#state = { kind: 'await-proof', theirs: frame };
        const signature = await this.ports.keys.sign(this.#transcript(frame, this.options.role));
        return { send: [{ kind: 'proof', signature }], proven: false };
      }
      if (state.kind === 'await-proof' && frame.kind === 'proof') {
        const other = this.options.role === 'initiator' ? 'responder' : 'initiator';
        const message = this.#transcript(state.theirs, other);
        if (!(await this.ports.signatures.verify(this.options.peer.signKey, message, frame.signature)))
          throw new ProtocolError('not-allowed', 'the proof of the device key does not fit');
        if (state.theirs.expiresAt + limits.clockSkewMs < this.ports.clock.now())
          throw new ProtocolError('not-allowed', 'the handshake expired');
        this.#state = { kind: 'proven' };
        return { send: [], proven: true };
      }
      throw new ProtocolError('not-allowed', `${frame.kind} in state ${state.kind}`);
    } catch (error) {
      this.#state = { kind: 'failed' };
      throw error;
    }
  }

  #check(hello: Hello): void {
    const { link, epoch, lane, peer, localFingerprint, remoteFingerprint } = this.options;
    if (hello.version !== PROTOCOL_VERSION) throw new ProtocolError('unsupported-version', `version ${hello.version}`);
    if (hello.link !== link || hello.epoch !== epoch) throw new ProtocolError('not-allowed', 'hello of another link');
    if (hello.lane !== lane) throw new ProtocolError('not-allowed', 'hello of another lane');
    if (hello.device !== peer.id) throw new ProtocolError('not-allowed', 'hello of another device');
    if (localFingerprint === remoteFingerprint)
      throw new ProtocolError('not-allowed', 'both ends have one certificate');
    const now = this.ports.clock.now();
    if (
      hello.expiresAt + limits.clockSkewMs < now ||
      hello.expiresAt > now + limits.linkSetupMs + 3 * limits.clockSkewMs
    )
      throw new ProtocolError('not-allowed', 'hello has expired, or a clock is far off');
  }

  /** What `signer` signs: everything in the order initiator, responder. */
  #transcript(theirs: Hello, signer: 'initiator' | 'responder'): Bytes {
    const { link, epoch, lane, role, localFingerprint, remoteFingerprint } = this.options;
    const mine = { hello: this.#mine, fingerprint: localFingerprint };
    const other = { hello: theirs, fingerprint: remoteFingerprint };
    const [first, second] = role === 'initiator' ? [mine, other] : [other, mine];
    const side = (end: typeof mine) => [end.hello.device, end.hello.nonce, end.fingerprint, end.hello.expiresAt];
    return signedBytes(
      'causeway/link/1',
      encodeCbor([PROTOCOL_VERSION, link, epoch, lane, signer, side(first), side(second)]),
    );
  }
}
