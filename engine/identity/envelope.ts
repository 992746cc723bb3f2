/**
 * Sealed envelopes: signed by the sending device, encrypted to the receiving one, short-lived, taken once. What a replaying or lying server
 * can still do is drop them.
 */
import { encodeCbor, decodeAs, bytesOf, bytesUpTo } from '../../protocol/codec.ts';
import { fromBase64, toBase64, type Bytes } from '../../protocol/bytes.ts';
import { signedBytes } from '../../protocol/domains.ts';
import { Envelope } from '../../protocol/envelope.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { DeviceId } from '../../protocol/ids.ts';
import { limits, PROTOCOL_VERSION } from '../../protocol/limits.ts';
import type { Device } from '../../protocol/people.ts';
import type { Clock, DeviceKeys, Random, Signatures } from '../ports.ts';
import * as v from 'valibot';

const Sealed = v.strictTuple([bytesUpTo(limits.envelopeBytes), bytesOf(64)]);

/** Public-key encryption to a device (HPKE base mode, X25519, HKDF-SHA256, AES-256-GCM; RFC 9180). */
export interface Sealing {
  seal(recipientAgreeKey: Uint8Array, plaintext: Uint8Array): Promise<Bytes>;
  /** Opens what was sealed to this device. Rejects when it was not, or was altered. */
  open(box: Uint8Array): Promise<Bytes>;
}

export interface EnvelopePorts {
  clock: Clock;
  random: Random;
  signatures: Signatures;
  keys: DeviceKeys;
  sealing: Sealing;
}

export class Envelopes {
  /** Nonces taken, with when they may be forgotten. */
  readonly #seen = new Map<string, number>();

  constructor(private readonly ports: EnvelopePorts) {}

  /** @returns the box for the wire. @throws ProtocolError `too-large`. */
  async seal(to: Device, body: Envelope['body'], ttlMs: number = limits.signalTtlMs): Promise<string> {
    const { clock, random, keys, sealing } = this.ports;
    const envelope: Envelope = {
      version: PROTOCOL_VERSION,
      from: keys.id,
      to: to.id,
      nonce: random.bytes(16),
      expiresAt: clock.now() + ttlMs,
      body,
    };
    const bytes = encodeCbor(envelope);
    const signature = await keys.sign(signedBytes('causeway/envelope/1', bytes));
    const box = await sealing.seal(fromBase64(to.agree), encodeCbor([bytes, signature]));
    if (box.length > limits.envelopeBytes) throw new ProtocolError('too-large', `envelope of ${box.length} bytes`);
    return toBase64(box);
  }

  /** @param from the device that the server names; its keys come from a verified device list. @throws ProtocolError. */
  async open(from: Device, box: string): Promise<Envelope['body']> {
    const { clock, signatures, keys, sealing } = this.ports;
    let plain: Bytes;
    try {
      plain = await sealing.open(fromBase64(box));
    } catch {
      throw new ProtocolError('malformed', 'envelope does not open');
    }
    const [bytes, signature] = decodeAs(Sealed, plain);
    if (!(await signatures.verify(fromBase64(from.sign), signedBytes('causeway/envelope/1', bytes), signature)))
      throw new ProtocolError('not-allowed', 'envelope has a wrong signature');
    const envelope = decodeAs(Envelope, bytes);
    if (envelope.version !== PROTOCOL_VERSION)
      throw new ProtocolError('unsupported-version', `envelope version ${envelope.version}`);
    if (envelope.from !== from.id || envelope.to !== keys.id)
      throw new ProtocolError('not-allowed', 'envelope is for another device');
    const now = clock.now();
    if (envelope.expiresAt + limits.clockSkewMs < now) throw new ProtocolError('not-allowed', 'envelope has expired');
    const { kind } = envelope.body;
    const knock = kind === 'offer' || kind === 'withdraw' || kind === 'decline';
    if (envelope.expiresAt > now + (knock ? limits.knockTtlMs : limits.signalTtlMs) + limits.clockSkewMs)
      throw new ProtocolError('not-allowed', 'envelope lives too long');
    this.#takeOnce(from.id, envelope, now);
    return envelope.body;
  }

  #takeOnce(from: DeviceId, envelope: Envelope, now: number): void {
    for (const [nonce, until] of this.#seen) if (until < now) this.#seen.delete(nonce);
    const nonce = `${from}:${toBase64(envelope.nonce)}`;
    if (this.#seen.has(nonce)) throw new ProtocolError('not-allowed', 'envelope was seen before');
    this.#seen.set(nonce, envelope.expiresAt + limits.clockSkewMs);
  }
}
