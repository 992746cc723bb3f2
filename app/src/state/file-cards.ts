/** From the record of an offer and what goes on with it to the cards that are shown. */
import type { Causeway } from '../../../engine/causeway.ts';
import {
  acceptedBlocks,
  acceptedBytes,
  factsOf,
  fileKey,
  standingOf,
  type OfferRecord,
} from '../../../engine/exchange/offer.ts';
import { agreementOn } from '../../../engine/exchange/agreement.ts';
import { holdersOf, isHere } from '../../../engine/exchange/copies.ts';
import type { OfferedFile } from '../../../protocol/entry.ts';
import type { AccountId, GroupId, OfferId } from '../../../protocol/ids.ts';
import { fileName, shownName } from '../../../protocol/names.ts';
import { mediaKind } from '../media-kind.ts';
import type { BundleProblem } from '../platform/bundle-problem.ts';
import type { PictureSize } from '../platform/picture-size.ts';
import type { BundleState } from './bundle-state.ts';
import { isMissed } from './chosen-again.ts';
import { copiesOf } from './file-copies.ts';
import type { Talk } from './talk.ts';
import type { Thumbnails, WrongFile } from './thumbnails.ts';
import type { BundleView, FileCard, FileStatus, MediaView } from './views/files.ts';

/** What is shown of files beside what the engine knows. */
export interface CardExtras {
  thumbnails: Thumbnails;
  bundles: BundleState;
  problemsOf: (offer: OfferId, file: number) => readonly BundleProblem[];
}

export function fileCards(engine: Causeway, record: OfferRecord, talk: Talk, extras: CardExtras): FileCard[] {
  const { thumbnails } = extras;
  const { offered } = record;
  if (!offered) return [];
  const now = Date.now();
  const byRule = record.byRule === true && record.answer.kind === 'accepted';
  return offered.files.map((file, index) => {
    const progress = engine.transfers.progressOf(record.offer, index);
    const sizeBytes = acceptedBytes(record, index);
    const copies = copiesOf(engine, record, index, talk);
    const here = isHere(record, index, engine.device);
    const contents = agreementOn(record, index);
    const status = statusOf(engine, record, index, {
      here,
      nobody: copies?.online === false,
      wrongFile: thumbnails.wrong(fileKey(record.offer, index)),
    });
    const running = status.kind === 'running' && !status.stalled;
    const upload = status.kind === 'shared' ? engine.transfers.uploadOf(record.offer, index) : undefined;
    const moving = running || upload !== undefined;
    const paths = moving ? engine.pathsOfFile(record.offer, index) : [];
    const ways = [...new Set(paths.flatMap(({ path }) => path ?? []))];
    const bytesPerSecond = (upload ?? progress).bytesPerSecond(now);
    const secondsLeft = progress.secondsLeft(now, sizeBytes);
    const saving = extras.bundles.saving(fileKey(record.offer, index));
    const bundle = bundleView(engine, record, index, extras);
    const thumbnailUrl = thumbnails.url(fileKey(record.offer, index));
    const media = mediaView(
      file,
      thumbnails.size(fileKey(record.offer, index)),
      offered.device === engine.device || here,
    );
    return {
      offer: record.offer,
      file: index,
      name: fileName(file.name),
      sizeBytes,
      type: shownName(file.type, 127),
      mine: offered.mine,
      status,
      doneBytes: Math.min(progress.doneBytes, sizeBytes),
      canSave: !offered.mine && ((status.kind === 'done' && here) || partHere(engine, record, index)),
      ...(media ? { media } : {}),
      // Between two people the status says it, as long as both have it.
      ...(copies && (record.group || status.kind === 'gone') ? { copies } : {}),
      ...downloadOf(status, offered.mine),
      ...(bundle ? { bundle } : {}),
      ...(saving ? { saving } : {}),
      ...(byRule ? { byRule } : {}),
      ...(contents === 'same' || offered.mine ? {} : { contents }),
      ...(thumbnailUrl === undefined ? {} : { thumbnailUrl }),
      ...(moving && bytesPerSecond !== undefined ? { bytesPerSecond } : {}),
      ...(running && secondsLeft !== undefined ? { secondsLeft } : {}),
      ...(ways.length > 0 ? { ways } : {}),
    };
  });
}

/** All of a bundle is here but the files that were changed at its sender: they need not keep the others from being used. */
function partHere(engine: Causeway, record: OfferRecord, file: number): boolean {
  const { answer, offered, offer } = record;
  if (!offered?.files[file]?.bundle || answer.kind !== 'accepted' || answer.by !== engine.device) return false;
  return factsOf(record, file).failed === 'changed' && engine.transfers.haveRanges(offer, file).length > 0;
}

function mediaView(
  { name, type, bundle, voice }: Omit<OfferedFile, 'thumbnail'>,
  size: PictureSize | undefined,
  here: boolean,
): MediaView | undefined {
  const kind = mediaKind({ name: fileName(name), type, bundle });
  if (!kind) return undefined;
  const spoken = kind === 'audio' && voice;
  return {
    kind,
    here,
    ...size,
    ...(spoken ? { voice: { durationMs: spoken.durationMs, levels: Array.from(spoken.levels) } } : {}),
  };
}

function bundleView(
  engine: Causeway,
  record: OfferRecord,
  file: number,
  { bundles, problemsOf }: CardExtras,
): BundleView | undefined {
  const bundle = record.offered?.files[file]?.bundle;
  if (!bundle) return undefined;
  const { device } = engine;
  const done = isHere(record, file, device) || (record.offered?.mine === true && standingOf(record, file) === 'done');
  const [problem, ...others] = problemsOf(record.offer, file);
  const { transfers } = engine;
  const mine = record.offered?.mine === true;
  return {
    manifestBytes: bundle.manifestBytes,
    files: bundle.files,
    folders: bundle.folders,
    accepted: acceptedBlocks(record, file),
    have: done ? acceptedBlocks(record, file) : transfers[mine ? 'arrivedRanges' : 'haveRanges'](record.offer, file),
    bad: bundles.isBad(fileKey(record.offer, file)),
    ...(problem
      ? {
          problem: {
            kind: problem.kind,
            name: fileName(problem.path.slice(problem.path.lastIndexOf('/') + 1)),
            others: others.length,
          },
        }
      : {}),
  };
}

function downloadOf(status: FileStatus, mine: boolean): Pick<FileCard, 'canDownload'> {
  if (mine || (status.kind !== 'offered' && status.kind !== 'gone')) return {};
  return { canDownload: status.kind === 'gone' && status.reason !== 'elsewhere' ? 'again' : 'first' };
}

/** @param here whether it is on this device. @param nobody whether nobody is online who has it. */
function statusOf(
  engine: Causeway,
  record: OfferRecord,
  file: number,
  { here, nobody, wrongFile }: { here: boolean; nobody: boolean; wrongFile: WrongFile | undefined },
): FileStatus {
  const facts = factsOf(record, file);
  const mine = record.offered?.mine ?? false;
  const none = nobody ? { nobody } : {};
  switch (standingOf(record, file)) {
    case 'done':
      return mine || here ? { kind: 'done' } : { kind: 'gone', reason: facts.gone ?? 'elsewhere', ...none };
    case 'declined':
      return { kind: 'declined' };
    case 'cancelled':
      return { kind: 'cancelled', byMe: facts.cancelledBy === 'me' };
    case 'failed':
      return { kind: 'failed', reason: facts.failed ?? 'storage' };
    case 'paused':
      return record.group && mine ? sharedStatus(engine, record, file, wrongFile) : { kind: 'paused', byMe: true };
    case 'waiting':
      if (record.group && mine) return sharedStatus(engine, record, file, wrongFile);
      if (record.group && facts.gone) return { kind: 'gone', reason: facts.gone, ...none };
      if (record.group) return { kind: 'offered', ...none };
      if (mine && isMissed(engine, record, file)) return { kind: 'needs-file', ...(wrongFile && { wrongFile }) };
      return { kind: 'waiting', needsAnswer: !mine };
    case 'accepted':
      break;
  }
  const { activity } = engine.transfers.progressOf(record.offer, file);
  const stalled = stalledOf(engine, record, file);
  switch (activity.kind) {
    case 'running':
      return { kind: 'running', ...stalled };
    case 'verifying':
      return { kind: 'verifying' };
    case 'needs-file':
      if (activity.mine && !isMissed(engine, record, file)) return { kind: 'waiting', needsAnswer: false };
      return { kind: 'needs-file', ...(wrongFile && { wrongFile }) };
    case 'paused-there':
      return { kind: 'paused', byMe: false, ...(activity.reason === 'no-space' && { full: true }) };
    case 'no-space':
      return { kind: 'paused', byMe: true, full: true };
    case 'too-slow':
      return { kind: 'waiting', needsAnswer: false, tooSlow: true };
    case 'idle':
      return stalled
        ? { kind: 'running', ...stalled }
        : {
            kind: 'waiting',
            needsAnswer: false,
            inLine: engine.transfers.inLine(record, file),
            ...(nobody ? { nobody } : {}),
          };
  }
}

/** Of a file that this person offered in a group. */
function sharedStatus(
  engine: Causeway,
  record: OfferRecord,
  file: number,
  wrongFile: WrongFile | undefined,
): FileStatus {
  if (isMissed(engine, record, file)) return { kind: 'needs-file', ...(wrongFile && { wrongFile }) };
  const group = engine.groups.byId(record.account as GroupId);
  const others = [...(group?.membership?.members.keys() ?? [])].filter((account) => account !== engine.account.id);
  const upload = engine.transfers.uploadOf(record.offer, file);
  const have = new Set(holdersOf(factsOf(record, file)).map((device) => group?.accountOf(device)));
  return {
    kind: 'shared',
    have: others.filter((account) => have.has(account)).length,
    of: others.length,
    sendingTo: upload?.takers ?? 0,
    ...(upload && { sentBytes: upload.sentBytes }),
    ...(factsOf(record, file).paused && { paused: true }),
  };
}

/** Nobody waits for data of somebody of whom the server says that they are away. */
function stalledOf(engine: Causeway, record: OfferRecord, file: number) {
  const silentMs = engine.transfers.stalledMs(record, file);
  const account = record.account as AccountId; // of a group there is no such person
  const away = engine.connected && !record.group && engine.people.online(account).size === 0;
  if (silentMs === undefined || away) return undefined;
  if (record.group) return { stalled: { seconds: Math.floor(silentMs / 1000), reconnecting: false } };
  const devices = engine.people.get(account)?.devices ?? [];
  const reconnecting = !devices.some(({ id }) => engine.links.stateOf(id) === 'open');
  return { stalled: { seconds: Math.floor(silentMs / 1000), reconnecting } };
}
