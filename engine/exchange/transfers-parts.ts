/** Builds the parts of transfers and connects them, in the order in which they need each other; nothing is called while they are being made. */
import type { ChatId, DeviceId, OfferId } from '../../protocol/ids.ts';
import { Serial } from '../feed/serial.ts';
import type { Link } from '../links/link.ts';
import type { LinkTransfers } from '../transfer/link-transfers.ts';
import { Decisions } from './decisions.ts';
import { Demand } from './demand.ts';
import { Endings } from './endings.ts';
import { Handout } from './handout.ts';
import { Held } from './held.ts';
import { Incoming } from './incoming.ts';
import { Kept } from './kept.ts';
import { LastWords } from './last-words.ts';
import { canRun, Lines } from './lines.ts';
import { fileKey, fileOf, type FailureReason, type OfferRecord } from './offer.ts';
import { Offers } from './offers.ts';
import { Outgoing } from './outgoing.ts';
import { Pausing } from './pausing.ts';
import { ProgressBook } from './progress.ts';
import { Room } from './room.ts';
import { Sharing } from './sharing.ts';
import { Stalls } from './stalls.ts';
import { Together } from './together.ts';
import { Traffic } from './traffic.ts';
import { TransferQueue } from './transfer-queue.ts';
import type { TransfersEvents, TransfersPorts } from './transfers-ports.ts';

export type TransfersParts = ReturnType<typeof build>;

export function build(ports: TransfersPorts, events: TransfersEvents) {
  const here = ports.keys.id;
  const links = new Map<Link, LinkTransfers>();
  const direct = new Set<Link>();
  /** What a person wants of a file counts in the order in which it was said. */
  const wishes = new Serial();
  const changed = (account: ChatId) => events.changed(account);
  const act = (offer: OfferId) => decisions.actOn(offer);
  const mayHave = ({ account }: OfferRecord, device: DeviceId) => ports.mayHave(account, device);
  const offers = new Offers(ports.records, changed);
  const progress = new ProgressBook((offer) => offers.get(offer));
  const known = { ...ports, offers, progress, links, direct, wishes, changed, act, mayHave };
  const lastWords = new LastWords({ ...ports, refused: (key) => decisions.refused(fileOf(key).offer) });
  const held = new Held(here, progress);
  const stalls = new Stalls(known);
  const room = new Room(known);
  const queue = new TransferQueue(ports.queue, (key) => canRun(offers, key));
  const sharing: Sharing = new Sharing({ ...known, quiet: (...quiet) => incoming.quiet(...quiet) });
  const moving = {
    ...known,
    sharing,
    lastWords,
    stalls,
    queue,
    isDirect: (link: Link) => direct.has(link),
    fail: (offer: OfferId, file: number, reason: FailureReason | 'no-space') => endings.fail(offer, file, reason),
  };
  const incoming: Incoming = new Incoming(moving);
  const outgoing = new Outgoing(moving);
  const handout = new Handout({
    ...moving,
    places: outgoing.places,
    openCopy: (...copy) => incoming.openCopy(...copy),
  });
  const goesOut = (offer: OfferId, file: number) => handout.upload(fileKey(offer, file)) !== undefined;
  const sides = { ...moving, incoming, outgoing, handout, room, held };
  const endings: Endings = new Endings({ ...sides, erase: (record) => kept.erase(record) });
  const decisions: Decisions = new Decisions({ ...sides, endings });
  const pausing = new Pausing({ ...sides, endings, decisions });
  const kept: Kept = new Kept({
    ...sides,
    goesOut,
    closed: (key) => incoming.closed(key),
    close: async (record, file) => {
      await endings.stopStreams(record, file, 'cancelled');
      incoming.forget(fileKey(record.offer, file));
    },
  });
  const together = new Together({
    offers,
    wishes,
    moves: ({ offered, answer }) => offered?.device === here || (answer.kind === 'accepted' && answer.by === here),
    goesOut: ({ offer, offered, group }, file) => group === true && offered?.device === here && goesOut(offer, file),
    isFull: (offer, file) => progress.of(offer, file).activity.kind === 'no-space',
    stopStreams: (record, file) => void endings.stopStreams(record, file, 'paused'),
    resume: (offer, file) => pausing.resume(offer, file),
  });
  const traffic = new Traffic({ ...sides, pausing, decisions, broken: (...broken) => events.broken(...broken) });
  return {
    ...sides,
    endings,
    decisions,
    pausing,
    kept,
    together,
    traffic,
    lines: new Lines(sides),
    demand: new Demand(sides),
  };
}
