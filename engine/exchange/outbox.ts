/** Writes the entries of this account: where it may, and into the conversation that is in force. */
import type { Payload } from '../../protocol/entry.ts';
import type { ConversationId } from '../../protocol/ids.ts';
import type { Feeds } from '../feed/log.ts';
import type { Groups } from '../groups/groups.ts';
import { done, type Outcome } from '../outcome.ts';
import type { People } from '../people/people.ts';

export interface OutboxPorts {
  feeds: Feeds;
  groups: Groups;
  people: People;
}

export class Outbox {
  constructor(private readonly ports: OutboxPorts) {}

  /** To a conversation under earlier keys nothing is added: nobody would hear of it. */
  async append(conversation: ConversationId, payload: Payload): Promise<Outcome> {
    const { feeds, groups, people } = this.ports;
    const group = groups.byChat(conversation);
    if (group && !(await group.ready())) return { ok: false, error: { code: 'not-allowed' } };
    const inForce = people.byConversation(conversation)?.conversation ?? conversation;
    const appended = await feeds.append(inForce, payload);
    switch (appended.kind) {
      case 'committed':
        return done;
      case 'too-large':
        return { ok: false, error: { code: 'too-large' } };
      case 'forked':
        return { ok: false, error: { code: 'not-allowed' } };
    }
  }
}
