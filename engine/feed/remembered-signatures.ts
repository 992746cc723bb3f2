/**
 * Owns signatures that were verified a moment ago. What is handed on by several comes several times, byte for byte; verifying a signature
 * costs a hundred times what comparing it does. Only what was right is remembered.
 */
import { equalBytes, toBase64 } from '../../protocol/bytes.ts';
import type { Signatures } from '../ports.ts';

/** What several neighbours hand on within some seconds; entries of this size are at most a few MiB. */
const rememberedMax = 1024;

export class RememberedSignatures implements Signatures {
  readonly #right = new Map<string, { publicKey: Uint8Array; message: Uint8Array }>();

  constructor(private readonly signatures: Signatures) {}

  async verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
    const name = toBase64(signature);
    const known = this.#right.get(name);
    if (known && equalBytes(known.publicKey, publicKey) && equalBytes(known.message, message)) return true;
    if (!(await this.signatures.verify(publicKey, message, signature))) return false;
    this.#right.set(name, { publicKey, message });
    if (this.#right.size > rememberedMax) {
      const [oldest] = this.#right.keys();
      if (oldest !== undefined) this.#right.delete(oldest);
    }
    return true;
  }
}
