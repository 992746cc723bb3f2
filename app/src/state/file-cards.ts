/** From the record of an offer and what goes on with it to the cards that are shown. */
import type { Causeway } from '../../../engine/causeway.ts';
import { acceptedBytes, factsOf, fileKey, standingOf, type OfferRecord } from '../../../engine/exchange/offer.ts';
import type { Person } from '../../../engine/people/people.ts';
import { fileName, shownName } from '../../../protocol/names.ts';
import type { Thumbnails } from './thumbnails.ts';
import type { FileCard, FileStatus } from './view.ts';

export function fileCards(engine: Causeway, record: OfferRecord, person: Person, thumbnails: Thumbnails): FileCard[] {
  const { offered } = record;
  if (!offered) return [];
  const now = Date.now();
  const path = person.devices.map(({ id }) => engine.links.open(id)?.path).find((found) => found !== undefined);
  return offered.files.map((file, index) => {
    const progress = engine.transfers.progressOf(record.offer, index);
    const sizeBytes = acceptedBytes(record, index);
    const status = statusOf(engine, record, index, thumbnails.wrong(fileKey(record.offer, index)));
    const running = status.kind === 'running';
    const bytesPerSecond = progress.bytesPerSecond(now);
    const secondsLeft = progress.secondsLeft(now, sizeBytes);
    const thumbnailUrl = thumbnails.url(fileKey(record.offer, index));
    // Another device of the account may be the one that has it.
    const here = factsOf(record, index).receivedBy === engine.device;
    return {
      offer: record.offer,
      file: index,
      name: fileName(file.name),
      sizeBytes,
      type: shownName(file.type, 127),
      mine: offered.mine,
      status,
      doneBytes: Math.min(progress.doneBytes, sizeBytes),
      canSave: status.kind === 'done' && !offered.mine && here,
      ...(thumbnailUrl === undefined ? {} : { thumbnailUrl }),
      ...(running && bytesPerSecond !== undefined ? { bytesPerSecond } : {}),
      ...(running && secondsLeft !== undefined ? { secondsLeft } : {}),
      ...(running && path !== undefined ? { path } : {}),
    };
  });
}

function statusOf(engine: Causeway, record: OfferRecord, file: number, wrongFile: boolean): FileStatus {
  const facts = factsOf(record, file);
  const mine = record.offered?.mine ?? false;
  switch (standingOf(record, file)) {
    case 'done':
      return { kind: 'done' };
    case 'declined':
      return { kind: 'declined' };
    case 'cancelled':
      return { kind: 'cancelled', byMe: facts.cancelledBy === 'me' };
    case 'failed':
      return { kind: 'failed', reason: facts.failed ?? 'storage' };
    case 'paused':
      return { kind: 'paused', byMe: true };
    case 'waiting':
      return { kind: 'waiting', needsAnswer: !mine };
    case 'accepted':
      break;
  }
  const { activity } = engine.transfers.progressOf(record.offer, file);
  switch (activity.kind) {
    case 'running':
      return { kind: 'running' };
    case 'verifying':
      return { kind: 'verifying' };
    case 'needs-file':
      return { kind: 'needs-file', wrongFile };
    case 'paused-there':
      return { kind: 'paused', byMe: false };
    case 'idle':
      return { kind: 'waiting', needsAnswer: false };
  }
}
