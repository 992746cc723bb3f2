/**
 * People as the devices of one account tell each other about them. Each writes a fact when what it has pinned changes; what another device
 * says is added to it, never taken for less. Two devices that saw different keys of one person do not overrule each other: it is told.
 */
import type { OwnPerson } from '../../protocol/own-facts.ts';
import type { ConversationId, PublicKey } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import { shownName } from '../../protocol/names.ts';
import type { Device } from '../../protocol/people.ts';
import { directConversation } from '../identity/conversation-id.ts';
import type { Person } from '../people/people.ts';
import type { Hashes } from '../ports.ts';

export function factOf(person: Person): OwnPerson {
  const { account, handle, displayName, since, pin, devices, everyDevice, earlier } = person;
  // Devices in force first: of a person with more than fit, the oldest ones are left out.
  const current = devices.map(({ id }) => id);
  const former = everyDevice.filter(({ id }) => !current.includes(id)).reverse();
  return {
    kind: 'own-person',
    account,
    handle,
    displayName,
    since,
    root: pin.root,
    number: pin.number,
    hash: pin.hash,
    devices: [...devices, ...former].slice(0, limits.devicesPerOwnPerson),
    current,
    earlier: earlier.slice(-limits.deviceListsPerAccount),
    ...(person.keysChangedAt === undefined ? {} : { keysChangedAt: person.keysChangedAt }),
    ...(person.keysAcknowledged === undefined ? {} : { keysAcknowledged: person.keysAcknowledged }),
    ...verifiedOf(person),
  };
}

/** Equal for facts that teach each other nothing: names and times are the server's, and never a reason to write. */
export const gistOf = ({
  root,
  number,
  hash,
  devices,
  earlier,
  keysChangedAt,
  keysAcknowledged,
  verified,
}: OwnPerson): string =>
  JSON.stringify([
    root,
    number,
    hash,
    devices.map(({ id }) => id).sort(),
    [...earlier].sort(),
    keysChangedAt,
    keysAcknowledged,
    verified && [verified.at, verified.root],
  ]);

/** @param before what this device knows of the person, if anything. */
export async function withFact(
  before: Person | undefined,
  fact: OwnPerson,
  own: { root: PublicKey; hashes: Hashes; now: number },
): Promise<Person> {
  const conversation = await directConversation(own.root, fact.root, own.hashes);
  const current = fact.devices.filter(({ id }) => fact.current.includes(id));
  const pin = { root: fact.root, number: fact.number, hash: fact.hash };
  if (!before)
    return {
      account: fact.account,
      handle: shownName(fact.handle, limits.handleMaxLength),
      displayName: shownName(fact.displayName, limits.displayNameMaxLength),
      relation: 'none',
      since: fact.since,
      pin,
      devices: current,
      everyDevice: fact.devices,
      conversation,
      earlier: fact.earlier.filter((id) => id !== conversation),
      ...keysOf(fact),
      ...withVerified({}, fact),
    };
  const { verifiedRoot: _, verifiedAt: __, ...rest } = before;
  const known = { ...rest, ...withVerified(before, fact), everyDevice: union(before.everyDevice, fact.devices) };
  const earlier = (...more: ConversationId[]) => [
    ...new Set([...fact.earlier, ...more, ...before.earlier].filter((id) => id !== before.conversation)),
  ];
  if (before.pin.root === fact.root)
    return {
      ...known,
      // A pin that is ahead: the server held something back from this device.
      ...(fact.number > before.pin.number ? { pin, devices: current } : {}),
      earlier: earlier(),
      ...mergedKeys(before, fact),
    };
  // The other device has seen more: the server will name the same keys to this one, or be found out by it.
  if (fact.earlier.includes(before.conversation)) return { ...known, earlier: earlier(conversation) };
  // This device has seen more.
  if (before.earlier.includes(conversation)) return { ...known, earlier: earlier() };
  // The server named other keys to each of them.
  return { ...known, earlier: earlier(conversation), keysChangedAt: own.now, keysAcknowledged: false };
}

const keysOf = ({ keysChangedAt, keysAcknowledged }: OwnPerson | Person) => ({
  ...(keysChangedAt === undefined ? {} : { keysChangedAt }),
  ...(keysAcknowledged === undefined ? {} : { keysAcknowledged }),
});

type Verified = Pick<Person, 'verifiedRoot' | 'verifiedAt'>;

const verifiedOf = ({ verifiedRoot: root, verifiedAt: at }: Verified): Pick<OwnPerson, 'verified'> =>
  at === undefined ? {} : { verified: { ...(root === undefined ? {} : { root }), at } };

/** What was said last counts. It says nothing of other keys than those that were compared, so it is taken whatever keys are in force here. */
function withVerified(mine: Verified, { verified: theirs }: OwnPerson): Verified {
  const [mineAt, theirsAt] = [mine.verifiedAt ?? -1, theirs?.at ?? -1];
  // Of two at once the one that says less.
  const taken = theirsAt > mineAt || (theirsAt === mineAt && theirs?.root === undefined);
  const { root, at } = taken && theirs ? theirs : { root: mine.verifiedRoot, at: mine.verifiedAt };
  return { ...(root === undefined ? {} : { verifiedRoot: root }), ...(at === undefined ? {} : { verifiedAt: at }) };
}

/** The newer change counts; of one that both saw, seen to on one device is seen to. */
function mergedKeys(before: Person, fact: OwnPerson) {
  const [mine = 0, theirs = 0] = [before.keysChangedAt, fact.keysChangedAt];
  if (mine === theirs && mine > 0)
    return { keysAcknowledged: before.keysAcknowledged === true || fact.keysAcknowledged === true };
  if (theirs > mine)
    // Seen to here, then told of a moment later by the other one: still the same change.
    return {
      keysChangedAt: theirs,
      keysAcknowledged: fact.keysAcknowledged === true || before.keysAcknowledged === true,
    };
  return mine > 0 && fact.keysAcknowledged === true && theirs > 0 ? { keysAcknowledged: true } : {};
}

function union(mine: readonly Device[], theirs: readonly Device[]): Device[] {
  const known = new Map(theirs.map((device) => [device.id, device]));
  for (const device of mine) known.set(device.id, device);
  return [...known.values()];
}
