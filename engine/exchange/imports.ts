/** Entries that come back from a file that somebody kept: taken as if a peer had sent them. */
import { fromBase64 } from '../../protocol/bytes.ts';
import type { ConversationId } from '../../protocol/ids.ts';
import { placeOfWire } from '../feed/entry.ts';
import type { Feeds } from '../feed/log.ts';
import { readPayload } from '../feed/payload.ts';
import type { StoredEntry } from '../ports.ts';
import type { Authors } from './authors.ts';
import type { Conversations } from './conversations.ts';
import type { Projector } from './projector.ts';

/** Of a batch of imported entries. */
export interface Imported {
  /** Messages, offers among them, that were not here before. */
  messages: number;
  /** Entries that were not taken: nobody certified wrote them, they were changed, or some before them are lacking. */
  leftOut: number;
}

export interface ImportPorts {
  feeds: Feeds;
  authors: Authors;
  conversations: Conversations;
  projector: Projector;
}

/** Takes those alone that devices of this conversation signed and that continue their feeds, each once. What was deleted here stays deleted. */
export async function importEntries(
  { feeds, authors, conversations, projector }: ImportPorts,
  conversation: ConversationId,
  wires: readonly Uint8Array[],
): Promise<Imported> {
  const before = await feeds.frontier(conversation);
  const places = wires.map(placeOfWire);
  const keys = authors.of(conversation);
  let committed: readonly StoredEntry[] = [];
  await conversations.summaries.quietly(wires, conversation, async () => {
    const received = await feeds.receive(conversation, wires, (device) => {
      const key = keys.get(device);
      return key === undefined ? undefined : fromBase64(key);
    });
    committed = received.committed;
    await projector.idle();
  });
  const known = places.filter((place) => place && place.sequence < (before.get(place.device) ?? 0)).length;
  const messages = committed.filter((entry) => ['text', 'offer'].includes(readPayload(entry).kind)).length;
  return { messages, leftOut: wires.length - known - committed.length };
}
