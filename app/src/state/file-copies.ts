/** Who has a copy of a file, in words for its card. */
import type { Causeway } from '../../../engine/causeway.ts';
import { holdersOf, isHere } from '../../../engine/exchange/copies.ts';
import { factsOf, standingOf, type OfferRecord } from '../../../engine/exchange/offer.ts';
import type { DeviceId } from '../../../protocol/ids.ts';
import { shownName } from '../../../protocol/names.ts';
import { nameOf, text } from '../text.ts';
import { nameIn } from './member-names.ts';
import { isTheirs, type Talk } from './talk.ts';
import type { CopiesView } from './views/files.ts';

/** Undefined as long as it is an offer between two people that did not go across. */
export function copiesOf(engine: Causeway, record: OfferRecord, file: number, talk: Talk): CopiesView | undefined {
  const { offered } = record;
  const standing = standingOf(record, file);
  const facts = factsOf(record, file);
  if (!offered || (!record.group && standing !== 'done' && !facts.again)) return undefined;
  // Withdrawn, or asked for in vain: who offered it does not give it any more.
  const source = standing === 'cancelled' ? [] : [offered.device];
  const holders = [...new Set([...source, ...holdersOf(facts)])];
  const online = (device: DeviceId) => engine.isOnline(device);
  const others = holders.filter((device) => device !== engine.device);
  const holder = namesOf(engine, talk);
  const sorted = others.toSorted((a, b) => Number(online(b)) - Number(online(a)));
  return {
    here: offered.device === engine.device ? 'offered' : isHere(record, file, engine.device) ? 'received' : 'none',
    names: [...new Map(sorted.map(holder)).values()],
    online: others.some(online),
  };
}

/** With what tells two holders apart: several devices of somebody else are one. */
function namesOf(engine: Causeway, { person, group, ...talk }: Talk): (device: DeviceId) => [string, string] {
  const theirs = isTheirs(engine, { ...talk, ...(person ? { person } : {}), ...(group ? { group } : {}) });
  return (device) => {
    if (engine.isMine(device)) return [device, text.copies.otherDevice(shownName(deviceName(engine, device)))];
    const account = group ? group.accountOf(device) : theirs(device) ? person?.account : undefined;
    const name = account && (group ? nameIn(group, account) : person && nameOf(person));
    return account && name ? [account, name] : ['', text.copies.somebody];
  };
}

const deviceName = (engine: Causeway, device: DeviceId): string =>
  engine.devices.find(({ id }) => id === device)?.name ?? '';
