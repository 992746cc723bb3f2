/** All transfers of all conversations as the screen of transfers shows them: grouped by what goes on with them, those in line in its order. */
import type { Causeway } from '../../../engine/causeway.ts';
import { factsOf, fileKey, standingOf } from '../../../engine/exchange/offer.ts';
import type { AccountId } from '../../../protocol/ids.ts';
import type { Direction } from '../../../engine/exchange/queue.ts';
import type { Chats } from './chats.ts';
import { isMissed } from './chosen-again.ts';
import { fileCards, type CardExtras } from './file-cards.ts';
import type { GroupState } from './groups.ts';
import { chosenOf, personRow } from './snapshot.ts';
import type { Series } from './speed-series.ts';
import { talkOf } from './talk.ts';
import type { PersonRow } from './view.ts';
import type { FileCard, FileStatus } from './views/files.ts';
import type { Total, TransferGroup, TransferRow, TransfersView } from './views/transfers.ts';

const groups: TransferGroup['kind'][] = ['attention', 'running', 'in-line', 'waiting', 'paused', 'finished'];

function groupOf(status: FileStatus, mine: boolean): TransferGroup['kind'] | undefined {
  switch (status.kind) {
    case 'failed':
      return 'attention';
    case 'needs-file':
      return mine ? 'attention' : 'waiting';
    case 'running':
    case 'verifying':
      return 'running';
    case 'waiting':
      // An offer to this person has its own place on the screen until it is answered.
      return status.needsAnswer && !mine ? undefined : status.inLine ? 'in-line' : 'waiting';
    case 'paused':
      return 'paused';
    case 'done':
    case 'gone':
      return 'finished';
    case 'shared':
      return status.paused ? 'paused' : status.sendingTo > 0 ? 'running' : undefined;
    case 'offered':
    case 'declined':
    case 'cancelled':
      return undefined;
  }
}

export function transfersView(
  engine: Causeway,
  chats: Chats,
  ofGroups: GroupState,
  extras: CardExtras,
  series: Series,
): TransfersView {
  const rows = new Map(groups.map((kind): [TransferGroup['kind'], (TransferRow & { at: number })[]] => [kind, []]));
  const people = new Map<string, PersonRow | undefined>();
  const lines = { down: placesOf(engine, 'down'), up: placesOf(engine, 'up') };
  for (const record of engine.transfers.all()) {
    const talk = talkOf(engine, record.account as AccountId);
    if (!talk || !record.offered) continue;
    const { account, person, group } = talk;
    const row = () => {
      const chat = chats.of(account);
      return person ? personRow(engine, person, chat) : group && ofGroups.row(group, chosenOf(chat));
    };
    const known = people.get(account) ?? row();
    people.set(account, known);
    for (const card of fileCards(engine, record, talk, extras)) {
      const kind = groupOf(card.status, card.mine);
      if (!kind || (kind === 'finished' && factsOf(record, card.file).unlisted)) continue;
      const line = lines[card.mine ? 'up' : 'down'];
      const place = kind === 'in-line' ? line.places.get(fileKey(record.offer, card.file)) : undefined;
      if (!known) continue;
      rows.get(kind)?.push({
        person: known,
        file: card,
        at: record.offered.at,
        ...(kind === 'running' ? { paths: engine.pathsOfFile(record.offer, card.file) } : {}),
        ...(place === undefined ? {} : { place, last: place === line.places.size - 1 }),
      });
    }
  }
  const found = (kind: TransferGroup['kind']) => rows.get(kind) ?? [];
  found('in-line').sort((a, b) => Number(a.file.mine) - Number(b.file.mine) || (a.place ?? 0) - (b.place ?? 0));
  for (const kind of groups) if (kind !== 'in-line') found(kind).sort((a, b) => b.at - a.at);
  return {
    groups: groups.map((kind) => ({ kind, rows: found(kind) })).filter((group) => group.rows.length > 0),
    down: totalOf([...found('running'), ...found('in-line')].filter(({ file }) => !file.mine)),
    up: totalOf([...found('running'), ...found('in-line')].filter(({ file }) => file.mine)),
    series,
    canPause: found('running').length + found('in-line').length > 0,
    canResume: found('paused').some(
      ({ file }) => file.status.kind === 'shared' || (file.status.kind === 'paused' && file.status.byMe),
    ),
  };
}

/** How many files need this person, with everybody: the first group of the list, counted without making it. */
export function needingYou(engine: Causeway): number {
  let count = 0;
  for (const record of engine.transfers.all()) {
    const files = [...(record.offered?.files.keys() ?? [])];
    const needing = files.filter((file) => standingOf(record, file) === 'failed' || isMissed(engine, record, file));
    if (needing.length > 0 && talkOf(engine, record.account as AccountId)) count += needing.length;
  }
  return count;
}

function placesOf(engine: Causeway, direction: Direction): { places: Map<string, number> } {
  const line = engine.transfers.line(direction).filter(({ offer, file }) => {
    const record = engine.transfers.get(offer);
    return record !== undefined && engine.transfers.inLine(record, file);
  });
  return { places: new Map(line.map(({ offer, file }, place) => [fileKey(offer, file), place])) };
}

/** Of a file that all of a group may fetch nobody knows what is still to come: it adds what went out, and no time. */
export function totalOf(rows: readonly TransferRow[]): Total {
  const sum = (some: readonly TransferRow[], of: (file: FileCard) => number) =>
    some.reduce((whole, { file }) => whole + of(file), 0);
  const shared = rows.filter(({ file }) => file.status.kind === 'shared');
  const others = rows.filter(({ file }) => file.status.kind !== 'shared');
  const speed = (file: FileCard) => file.bytesPerSecond ?? 0;
  const doneBytes = sum(others, (file) => file.doneBytes);
  const sizeBytes = sum(others, (file) => file.sizeBytes);
  const speedOfOthers = sum(others, speed);
  const sentBytes = ({ status }: FileCard) => (status.kind === 'shared' ? (status.sentBytes ?? 0) : 0);
  return {
    files: rows.length,
    doneBytes,
    sizeBytes,
    bytesPerSecond: sum(rows, speed),
    ...(shared.length > 0 ? { sharedBytes: sum(shared, sentBytes) } : {}),
    ...(speedOfOthers > 0 ? { secondsLeft: (sizeBytes - doneBytes) / speedOfOthers } : {}),
  };
}
