/** What groups need of the outside beside the ports of the engine. Keys are raw bytes: AES-256-GCM 32, Ed25519 seeds and public keys 32. */
import type { Bytes } from '../../protocol/bytes.ts';

export interface GroupCrypto {
  /** AES-256-GCM with a nonce of 12 bytes; the tag is at the end. `context` is bound and not part of the result. */
  encrypt(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, context: Uint8Array): Promise<Bytes>;
  /** Undefined when it was not made with this key, nonce and context, or was altered. */
  decrypt(key: Uint8Array, nonce: Uint8Array, box: Uint8Array, context: Uint8Array): Promise<Bytes | undefined>;
  /** The Ed25519 key of a seed. */
  signerOf(seed: Uint8Array): Promise<{ publicKey: Bytes; sign: (message: Uint8Array) => Promise<Bytes> }>;
}
