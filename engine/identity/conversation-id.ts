/** The id of a direct conversation is the hash of both root keys, so that both sides find it without asking anybody. */
import { concatBytes, fromBase64, toBase64, toUtf8 } from '../../protocol/bytes.ts';
import type { ConversationId, PublicKey } from '../../protocol/ids.ts';
import type { Hashes } from '../ports.ts';

export async function directConversation(a: PublicKey, b: PublicKey, hashes: Hashes): Promise<ConversationId> {
  const [low, high] = a < b ? [a, b] : [b, a];
  return toBase64(
    await hashes.sha256(concatBytes(toUtf8('causeway/direct/1'), fromBase64(low), fromBase64(high))),
  ) as ConversationId;
}
