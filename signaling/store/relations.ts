/**
 * How two people stand to each other, pure. Each side has a stance of its own; what a side sees (`Relation`) follows from both stances
 * such that who was declined or blocked sees no difference from somebody who has not answered yet.
 *
 * | mine \ the other's | none | wants | declined | blocked |
 * |---|---|---|---|---|
 * | none, declined | none | incoming (none if I declined) | none | none |
 * | wants | outgoing | accepted | outgoing | outgoing |
 * | blocked | blocked | blocked | blocked | blocked |
 */
import type { AccountId } from '../../protocol/ids.ts';
import type { Relation } from '../../protocol/people.ts';
import { limits } from '../../protocol/limits.ts';
import type { PairRecord, RelationChange, Stance } from './store.ts';

export type Verdict = 'request' | 'accept' | 'decline' | 'block' | 'unblock' | 'remove';

/** What `viewer` sees of the other one. */
export function relationOf(pair: PairRecord | undefined, viewer: AccountId): Relation {
  if (!pair) return 'none';
  const { mine, theirs } = stances(pair, viewer);
  if (mine === 'blocked') return 'blocked';
  if (mine === 'wants') return theirs === 'wants' ? 'accepted' : 'outgoing';
  return mine === 'none' && theirs === 'wants' ? 'incoming' : 'none';
}

export const sinceOf = (pair: PairRecord | undefined, viewer: AccountId): number =>
  pair ? (pair.low === viewer ? pair.lowSince : pair.highSince) : 0;

export const otherOf = (pair: PairRecord, viewer: AccountId): AccountId => (pair.low === viewer ? pair.high : pair.low);

/** Whether `viewer` declined or blocked the other, who does not know. */
export const shuns = (pair: PairRecord | undefined, viewer: AccountId): boolean =>
  pair !== undefined && ['declined', 'blocked'].includes(stances(pair, viewer).mine);

/**
 * The pair after `actor` decided.
 * @param known pairs of an account, for the limits on requests.
 */
export function decide(
  pair: PairRecord | undefined,
  actor: AccountId,
  other: AccountId,
  verdict: Verdict,
  now: number,
  known: (account: AccountId) => Iterable<PairRecord>,
): RelationChange {
  const { mine, theirs } = stances(pair, actor);
  const same = { kind: 'same', before: pair, after: pair } as const;
  const become = (nextMine: Stance, nextTheirs: Stance): RelationChange =>
    nextMine === mine && nextTheirs === theirs
      ? same
      : { kind: 'changed', before: pair, after: next(pair, actor, other, nextMine, nextTheirs, now) };
  switch (verdict) {
    case 'request': {
      if (mine === 'wants') return same;
      if (theirs !== 'wants' && !roomForRequest(actor, other, known))
        return { kind: 'refused', code: 'too-many-requests' };
      if (!roomForContact(actor, known)) return { kind: 'refused', code: 'too-many-requests' };
      return become('wants', theirs);
    }
    case 'accept':
      if (mine === 'wants' && theirs === 'wants') return same;
      // A decline can be taken back; a block needs `unblock` or a request of one's own.
      if (theirs !== 'wants' || mine === 'blocked' || mine === 'wants') return { kind: 'refused', code: 'not-allowed' };
      if (!roomForContact(actor, known)) return { kind: 'refused', code: 'too-many-requests' };
      return become('wants', theirs);
    case 'decline':
      return mine === 'none' && theirs === 'wants' ? become('declined', theirs) : same;
    case 'block':
      return become('blocked', theirs);
    case 'unblock':
      // The other goes on seeing `outgoing`, and the one who blocked is not asked again.
      return mine === 'blocked' ? become(theirs === 'wants' ? 'declined' : 'none', theirs) : same;
    case 'remove':
      if (mine === 'blocked' || mine === 'declined') return same;
      // A decline or block of the other outlives this: asking, removing and asking again is no way around it.
      return become('none', theirs === 'wants' ? 'none' : theirs);
  }
}

function stances(pair: PairRecord | undefined, viewer: AccountId): { mine: Stance; theirs: Stance } {
  if (!pair) return { mine: 'none', theirs: 'none' };
  return pair.low === viewer
    ? { mine: pair.lowStance, theirs: pair.highStance }
    : { mine: pair.highStance, theirs: pair.lowStance };
}

function next(
  before: PairRecord | undefined,
  actor: AccountId,
  other: AccountId,
  mine: Stance,
  theirs: Stance,
  now: number,
): PairRecord | undefined {
  if (mine === 'none' && theirs === 'none') return undefined;
  const actorLow = actor < other;
  const bare: PairRecord = {
    low: actorLow ? actor : other,
    high: actorLow ? other : actor,
    lowStance: actorLow ? mine : theirs,
    highStance: actorLow ? theirs : mine,
    lowSince: now,
    highSince: now,
  };
  // A time that moved would tell what the relation hides.
  const since = (viewer: AccountId) =>
    before && relationOf(before, viewer) === relationOf(bare, viewer) ? sinceOf(before, viewer) : now;
  return { ...bare, lowSince: since(bare.low), highSince: since(bare.high) };
}

/** Counted alike for somebody who declined or blocked the actor, so that the answer gives nothing away. */
function roomForRequest(
  actor: AccountId,
  other: AccountId,
  known: (account: AccountId) => Iterable<PairRecord>,
): boolean {
  return (
    count(known(actor), actor, ['outgoing']) < limits.pendingRequests &&
    count(known(other), other, ['incoming']) < limits.waitingRequests
  );
}

const roomForContact = (actor: AccountId, known: (account: AccountId) => Iterable<PairRecord>): boolean =>
  count(known(actor), actor, ['outgoing', 'accepted', 'blocked']) < limits.contactsPerAccount;

function count(pairs: Iterable<PairRecord>, viewer: AccountId, relations: readonly Relation[]): number {
  let found = 0;
  for (const pair of pairs) if (relations.includes(relationOf(pair, viewer))) found++;
  return found;
}
