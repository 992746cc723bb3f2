/** Encrypts what is written into the chats of groups, each under a key of its group and bound to its place in the feed. */
import type { Bytes } from '../../protocol/bytes.ts';
import type { ConversationId } from '../../protocol/ids.ts';
import type { CipherPlace, PayloadCipher } from '../feed/entry.ts';
import type { Group } from './group.ts';

/** @param byChat The group whose chat a conversation is. */
export const chatCipher = (byChat: (conversation: ConversationId) => Group | undefined): PayloadCipher => ({
  seal: (place, payload) => {
    const group = byChat(place.conversation);
    return group && seal(group, place, payload);
  },
  open: async (place, key, payload) => {
    const group = byChat(place.conversation);
    if (!group) return 'wrong';
    if (!group.keys.has(key)) return 'unknown';
    return (await group.keys.openUnder(key, payload, contextOf(place))) ?? 'wrong';
  },
});

async function seal(group: Group, place: CipherPlace, payload: Bytes): Promise<{ key: number; bytes: Bytes }> {
  const key = group.state && group.keys.inForce(group.state);
  if (key === undefined) throw new Error('nothing is written into a chat before it has a key');
  return { key, bytes: await group.keys.sealUnder(key, payload, contextOf(place)) };
}

const contextOf = ({ conversation, device, sequence }: CipherPlace) => [conversation, device, sequence];
