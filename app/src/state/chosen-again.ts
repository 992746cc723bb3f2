/** After a reload several files may have to be chosen again: whichever of them were chosen in one go is found out here. */
import type { Causeway } from '../../../engine/causeway.ts';
import { fileKey, standingOf, type OfferRecord } from '../../../engine/exchange/offer.ts';
import type { AccountId, GroupId, OfferId } from '../../../protocol/ids.ts';
import type { Chosen } from '../chosen-files.ts';
import { isSame } from '../same-file.ts';
import type { WrongFile } from './thumbnails.ts';

/** A file that this device offered and cannot read any more. */
export interface Missed {
  offer: OfferId;
  file: number;
  name: string;
  size: number;
  modifiedAt?: number | undefined;
}

export interface Found {
  matches: { missed: Missed; chosen: Chosen }[];
  wrong: { missed: Missed; kind: WrongFile }[];
}

/** Nobody is there any more to whom it could go. */
function isPointless(engine: Causeway, { account, group }: OfferRecord): boolean {
  if (group) return engine.groups.byId(account as GroupId)?.me === undefined;
  const person = engine.people.get(account as AccountId);
  return person?.departedAt !== undefined || person?.relation === 'blocked';
}

/** Whether the person has to choose this file, or folder, again. */
export function isMissed(engine: Causeway, record: OfferRecord, file: number): boolean {
  const { activity } = engine.transfers.progressOf(record.offer, file);
  if (activity.kind !== 'needs-file' || !activity.mine || isPointless(engine, record)) return false;
  return ['waiting', 'accepted'].includes(standingOf(record, file));
}

/** What is missed in the conversation, or group, of an offer. */
export function missedWith(engine: Causeway, offer: OfferId): (Missed & { bundle: boolean })[] {
  const account = engine.transfers.get(offer)?.account;
  return engine.transfers
    .all()
    .filter((record) => record.account === account)
    .flatMap((record) =>
      [...(record.offered?.files.entries() ?? [])]
        .filter(([file]) => isMissed(engine, record, file))
        .map(([file, { name, size, modifiedAt, bundle }]) => ({
          ...{ offer: record.offer, file, name, size, modifiedAt },
          bundle: bundle !== undefined,
        })),
    );
}

/**
 * Each chosen file stands for one that is missed: of the same name, size and time; the one that was `asked` for may have another name by now,
 * for files are moved.
 */
export function matchChosen(missed: readonly Missed[], asked: string, chosen: readonly Chosen[]): Found {
  const left = new Set(chosen);
  const matches = new Map<Missed, Chosen>();
  const take = (one: Missed, fits: (chosen: Chosen) => boolean): void => {
    const found = [...left].find((candidate) => isSame(candidate.file, one) && fits(candidate));
    if (!found || matches.has(one)) return;
    left.delete(found);
    matches.set(one, found);
  };
  const isAsked = ({ offer, file }: Missed): boolean => fileKey(offer, file) === asked;
  // Of two that are alike the one that was asked for comes first.
  const inTurn = missed.toSorted((a, b) => Number(isAsked(b)) - Number(isAsked(a)));
  for (const one of inTurn) take(one, ({ file }) => file.name === one.name);
  for (const one of inTurn.filter(isAsked)) take(one, () => true);
  const wrong = missed
    .filter((one) => !matches.has(one))
    .flatMap((one): Found['wrong'] => {
      if ([...left].some(({ file }) => file.name === one.name)) return [{ missed: one, kind: 'changed' }];
      return isAsked(one) && matches.size === 0 ? [{ missed: one, kind: 'other' }] : [];
    });
  return { matches: [...matches].map(([one, found]) => ({ missed: one, chosen: found })), wrong };
}
