/** From the engine to the rows and panels that the screens show. Pure apart from the clock. */
import type { Causeway } from '../../../engine/causeway.ts';
import { acceptedBytes, fileKey, needsAnswer, standingOf, type OfferRecord } from '../../../engine/exchange/offer.ts';
import { isHeld, isVerified } from '../../../engine/exchange/rules.ts';
import type { Person } from '../../../engine/people/people.ts';
import type { AccountId } from '../../../protocol/ids.ts';
import { fileName, shownName } from '../../../protocol/names.ts';
import { nameOf, sharedNames } from '../text.ts';
import type { Chat, Chats } from './chats.ts';
import type { GroupState } from './groups.ts';
import { nameIn } from './member-names.ts';
import { chatKey, talkOf } from './talk.ts';
import type { Thumbnails } from './thumbnails.ts';
import type { ConversationView, Me, PersonRow } from './view.ts';
import type { IncomingOffer } from './views/files.ts';
import type { Moving } from './views/transfers.ts';
import type { Timeline } from './timeline.ts';

export function meOf(engine: Causeway): Me {
  const { handle, displayName, email } = engine.account;
  return { handle, displayName: shownName(displayName), email: email ?? '', avatarSeed: engine.root };
}

/** Names that several people have whom this account knows. */
const namesTwice = ({ people }: Causeway): ReadonlySet<string> =>
  sharedNames(people.all().filter(({ account }) => !people.isSelf(account)));

export function personRow(
  engine: Causeway,
  person: Person,
  { pinned, muted, archived }: Chat,
  shared = namesTwice(engine),
): PersonRow {
  const summary = engine.conversations.summary(person.conversation);
  const { last } = summary;
  const progress = progressWith(engine, person);
  return {
    account: person.account,
    ...(engine.people.isSelf(person.account) ? { self: true as const } : {}),
    handle: person.handle,
    displayName: person.displayName,
    ...(shared.has(nameOf(person)) ? { namesake: true as const } : {}),
    avatarSeed: person.pin.root,
    relation: person.relation,
    online: engine.people.online(person.account).size > 0,
    conversation: person.conversation,
    unread: summary.unread,
    mentioned: summary.unread > 0 && summary.mentioned === true,
    ...(person.departedAt === undefined ? {} : { departed: true as const }),
    pinned,
    muted,
    archived,
    ...(person.lastSeenAt === undefined ? {} : { lastSeenAt: person.lastSeenAt }),
    ...(last
      ? {
          last: {
            text: last.kind === 'text' ? last.text : last.names.map(fileName).join(', '),
            at: last.at,
            mine: last.mine,
          },
        }
      : {}),
    ...(progress === undefined ? {} : { progress }),
  };
}

/** People with a conversation, pinned ones first, then newest first, and those who asked. */
export function peopleRows(
  engine: Causeway,
  chats: Chats,
  groups: GroupState,
  open: Person['account'] | undefined,
): { people: PersonRow[]; requests: PersonRow[] } {
  const shared = namesTwice(engine);
  const rows = engine.people
    .all()
    .map((person) => ({ person, row: personRow(engine, person, chats.of(person.account), shared) }));
  const contacts = rows
    .filter(
      ({ person, row }) =>
        (person.relation === 'accepted' && !engine.people.isSelf(person.account)) ||
        // Oneself is there once there is another device, or something was written.
        (engine.people.isSelf(person.account) && person.devices.length > 0) ||
        person.relation === 'outgoing' ||
        person.relation === 'blocked' ||
        row.last !== undefined ||
        person.account === open,
    )
    .filter(({ person }) => person.relation !== 'incoming' || person.account === open)
    .map(({ person, row }) => ({ row, since: person.since }));
  const ofGroups = engine.groups.all().flatMap((group) => {
    const since = group.membership?.events[0]?.at;
    return since === undefined ? [] : [{ row: groups.row(group, chosenOf(chats.of(chatKey(group.id)))), since }];
  });
  const time = ({ since, row }: (typeof contacts)[number]) => Math.max(since, row.last?.at ?? 0);
  const people = [...contacts, ...ofGroups].sort(
    (a, b) => Number(b.row.pinned) - Number(a.row.pinned) || time(b) - time(a),
  );
  const requests = rows
    .filter(({ person }) => person.relation === 'incoming')
    .sort((a, b) => a.person.since - b.person.since);
  return { people: people.map(({ row }) => row), requests: requests.map(({ row }) => row) };
}

export const chosenOf = ({ pinned, muted, archived }: Chat) => ({ pinned, muted, archived });

/** Part of the bytes of all running files with a person that is done. */
function progressWith(engine: Causeway, person: Person): number | undefined {
  let done = 0;
  let all = 0;
  for (const record of engine.transfers.all()) {
    if (record.account !== person.account) continue;
    record.offered?.files.forEach((_, index) => {
      if (standingOf(record, index) !== 'accepted') return;
      const progress = engine.transfers.progressOf(record.offer, index);
      if (progress.activity.kind !== 'running') return;
      done += progress.doneBytes;
      all += acceptedBytes(record, index);
    });
  }
  return all === 0 ? undefined : done / all;
}

export function offersOf(
  engine: Causeway,
  chats: Chats,
  thumbnails: Thumbnails,
  freeBytes: number | undefined,
): IncomingOffer[] {
  return engine.transfers
    .all()
    .filter(needsAnswer)
    .flatMap((record) => {
      const person = engine.people.get(record.account as AccountId);
      if (!record.offered || !person || person.relation === 'blocked' || person.departedAt !== undefined) return [];
      if (engine.people.isSelf(person.account)) return []; // taken without asking
      const files = record.offered.files.map((file, index) => {
        const thumbnailUrl = thumbnails.url(fileKey(record.offer, index));
        return {
          name: fileName(file.name),
          sizeBytes: file.size,
          type: shownName(file.type, 127),
          ...(thumbnailUrl === undefined ? {} : { thumbnailUrl }),
          ...(file.bundle ? { bundle: file.bundle } : {}),
        };
      });
      return [
        {
          offer: record.offer,
          person: personRow(engine, person, chats.of(person.account)),
          files,
          totalBytes: files.reduce((sum, file) => sum + file.sizeBytes, 0),
          at: record.offered.at,
          ...(freeBytes === undefined ? {} : { freeBytes }),
        },
      ];
    })
    .sort((a, b) => a.at - b.at);
}

export function conversationView(
  engine: Causeway,
  timeline: Timeline,
  chats: Chats,
  groups: GroupState,
  /** This account was deleted. */
  deleted: boolean,
): ConversationView | undefined {
  const talk = talkOf(engine, timeline.account);
  if (!talk) return undefined;
  const chat = chats.of(talk.account);
  const me = meOf(engine);
  const mine = me.displayName || me.handle;
  const { person, group } = talk;
  if (group) {
    return {
      person: groups.row(group, chosenOf(chat)),
      group: groups.view(group),
      typing: false,
      writing: engine.writingIn(group).map((account) => nameIn(group, account)),
      timerMs: engine.messages.timerMs(group.chat),
      draft: chat.draft,
      ...timeline.view(talk, { mine, theirs: '' }),
      link: 'none',
      closed: deleted,
      keysChanged: false,
      held: false,
      paths: [],
      verified: false,
    };
  }
  if (!person) return undefined;
  const row = personRow(engine, person, chat);
  const states = person.devices.map(({ id }) => engine.links.stateOf(id));
  const paths = engine.pathsOf(person.account);
  const path = paths.find((one) => one.path !== undefined)?.path;
  return {
    person: row,
    typing: engine.isTyping(person.account),
    timerMs: engine.messages.timerMs(person.conversation),
    draft: chat.draft,
    ...timeline.view(talk, { mine, theirs: row.displayName || row.handle }),
    link: states.includes('open') ? 'open' : states.includes('connecting') ? 'connecting' : 'none',
    ...(person.devices.some(({ id }) => engine.links.isFaulty(id)) ? { unusable: true } : {}),
    closed: deleted || row.departed === true || person.relation === 'blocked',
    held: isHeld(person),
    keysChanged: person.keysChangedAt !== undefined && !person.keysAcknowledged,
    paths,
    verified: isVerified(person),
    ...(person.acceptRule ? { acceptRule: person.acceptRule } : {}),
    ...(path === undefined ? {} : { path }),
  };
}

/** A file that this person offered in a group stays for all to fetch, until it is taken back: what part of a whole went out, nobody knows. */
export const isSharedOut = (record: OfferRecord, file: number): boolean =>
  record.group === true && record.offered?.mine === true && ['waiting', 'paused'].includes(standingOf(record, file));

/** Whether a file moves now, and the list of transfers shows it as running. */
export function runs({ transfers }: Causeway, record: OfferRecord, file: number): boolean {
  const standing = standingOf(record, file);
  if (isSharedOut(record, file)) return standing === 'waiting' && transfers.uploadOf(record.offer, file) !== undefined;
  const { activity } = transfers.progressOf(record.offer, file);
  return standing === 'accepted' && ['running', 'verifying'].includes(activity.kind);
}

/** The same, and what is passed on to others of what came here, without this person's doing: leaving the page would interrupt both. */
export const moves = (engine: Causeway, record: OfferRecord, file: number): boolean =>
  engine.transfers.uploadOf(record.offer, file) !== undefined || runs(engine, record, file);

export const nothingMoves: Moving = { running: 0, any: false };

export const transferring = (engine: Causeway): boolean =>
  engine.transfers.all().some((record) => record.offered?.files.some((_, file) => moves(engine, record, file)));
