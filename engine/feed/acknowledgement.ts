/**
 * Owns the `committed` frame: a device's signed word that it durably holds the first `length` entries of a feed, the last of which has
 * this hash. It is what "delivered" rests on (invariant 3).
 */
import type { Bytes } from '../../protocol/bytes.ts';
import { encodeCbor } from '../../protocol/codec.ts';
import { signedBytes } from '../../protocol/domains.ts';
import type { ControlFrame } from '../../protocol/frame.ts';
import type { ConversationId, DeviceId } from '../../protocol/ids.ts';
import type { DeviceKeys, Signatures } from '../ports.ts';

export type CommittedFrame = Extract<ControlFrame, { kind: 'committed' }>;

const message = (conversation: ConversationId, author: DeviceId, length: number, head: Bytes): Bytes =>
  signedBytes('causeway/committed/1', encodeCbor([conversation, author, length, head]));

export async function acknowledge(
  device: DeviceKeys,
  conversation: ConversationId,
  author: DeviceId,
  length: number,
  head: Bytes,
): Promise<CommittedFrame> {
  const signature = await device.sign(message(conversation, author, length, head));
  return { kind: 'committed', conversation, author, length, head, signature };
}

/** Whether the device with this public key (Ed25519, 32 bytes) signed the frame. */
export const verifyAcknowledgement = (
  signatures: Signatures,
  publicKey: Uint8Array,
  { conversation, author, length, head, signature }: CommittedFrame,
): Promise<boolean> => signatures.verify(publicKey, message(conversation, author, length, head), signature);
