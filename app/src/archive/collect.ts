/**
 * Reads a whole conversation for an export, by pages. What was deleted is nowhere in the result, and what disappears is left out of it: its
 * entries keep their places, so that the feeds still verify, and say nothing.
 */
import type { Causeway } from '../../../engine/causeway.ts';
import { withoutPayload } from '../../../engine/feed/entry.ts';
import { readPayload } from '../../../engine/feed/payload.ts';
import { messageKey, type Annotation } from '../../../engine/messages/annotation.ts';
import type { StoredEntry } from '../../../engine/ports.ts';
import { toBase64 } from '../../../protocol/bytes.ts';
import type { AccountId, DeviceId, OfferId } from '../../../protocol/ids.ts';
import { limits } from '../../../protocol/limits.ts';
import { fileName, shownName } from '../../../protocol/names.ts';
import type { Talk } from '../state/talk.ts';
import type { Archive, ArchivedMessage, ArchiveHead } from './archive-format.ts';

const entriesAtATime = 500;
const beginning = { lamport: 0, device: '' as DeviceId, sequence: 0 };

export interface Collected {
  head: ArchiveHead;
  me: AccountId;
  messages: ArchivedMessage[];
  entries: Archive['entries'];
}

/** @param pathOf where a file will be in the ZIP; undefined when it will not be there. */
export async function collect(
  engine: Causeway,
  talk: Talk,
  now: number,
  pathOf: (offer: OfferId, file: number, name: string) => string | undefined,
): Promise<Collected> {
  const { account: own } = engine;
  const { person, group } = talk;
  const conversations = [...talk.earlier, talk.conversation];
  const authorOf = group ? engine.memberOf(group) : person ? engine.personOf(person) : () => own.id;
  const messages: ArchivedMessage[] = [];
  const entries: Archive['entries'] = [];
  const hidden = new Set<string>();
  for (const conversation of conversations) {
    let after: { lamport: number; device: DeviceId; sequence: number } = beginning;
    for (;;) {
      const page = await engine.feeds.historyAfter(conversation, entriesAtATime, after);
      const annotations = await engine.messages.annotations(conversation, page);
      page.forEach((entry, index) => take(entry, annotations[index]));
      const last = page.at(-1);
      if (!last || page.length < entriesAtATime) break;
      after = last;
    }
  }
  const others = person
    ? [{ account: person.account, handle: person.handle, displayName: person.displayName, root: person.pin.root }]
    : [...(group?.membership?.everyone.values() ?? [])].map(({ account, handle, displayName, root }) => {
        return { account, handle, displayName, root };
      });
  const people = [
    { account: own.id, handle: own.handle, displayName: own.displayName, root: engine.root },
    ...others,
  ].filter(({ account }, index, all) => all.findIndex((one) => one.account === account) === index);
  const head = {
    format: 'causeway-conversation',
    version: 1,
    exportedAt: now,
    ...(group ? { group: shownName(group.face?.name ?? '', limits.groupNameUnits) } : {}),
    people,
    conversations,
  } as ArchiveHead;
  return { head, me: own.id, messages, entries };

  function take(entry: StoredEntry, annotation: Annotation | undefined): void {
    const { conversation, device, sequence, wall: at } = entry;
    const payload = readPayload(entry);
    const disappears = payload.kind === 'text' && payload.expiresAfterMs !== undefined;
    if (disappears)
      for (const place of [entry, ...(annotation?.edits ?? [])]) hidden.add(messageKey(conversation, place));
    const kept = hidden.has(messageKey(conversation, entry)) ? withoutPayload(entry) : entry;
    entries.push({ conversation, wire: toBase64(kept.wire) });
    const author = authorOf(device);
    const reactions = (annotation?.reactions ?? []).flatMap(([by, { emoji }]) => (emoji ? [{ by, emoji }] : []));
    const said = { conversation, device, sequence, author, at, ...(reactions.length > 0 ? { reactions } : {}) };
    if (annotation?.deleted) {
      const { reactions: _, ...bare } = said;
      if (['text', 'offer', 'dropped'].includes(payload.kind)) messages.push({ ...bare, kind: 'deleted' });
    } else if (payload.kind === 'text' && !disappears)
      messages.push({
        ...said,
        kind: 'text',
        text: annotation?.edit?.text ?? payload.text,
        ...(annotation?.edit ? { edited: true } : {}),
        ...(payload.reply ? { reply: payload.reply } : {}),
      });
    else if (payload.kind === 'offer')
      messages.push({
        ...said,
        kind: 'files',
        files: payload.files.map(({ name, size, type }, file) => {
          const path = pathOf(payload.offer, file, name);
          return { name: fileName(name), sizeBytes: size, type, ...(path === undefined ? {} : { path }) };
        }),
      });
  }
}
