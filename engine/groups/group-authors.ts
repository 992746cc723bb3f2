/**
 * Whose entries a group takes. There is room for so many devices, and anybody can invent some, also under their own root. So members come before
 * those who are none any more, the devices that they have now before earlier ones, and one device of each comes before the second of anybody.
 */
import type { DeviceId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import type { Device } from '../../protocol/people.ts';
import type { GroupState } from './group-log.ts';

/**
 * Devices with their signing keys, at most `limits.feedsPerConversation`.
 * @param named devices that entries name, whoever wrote these: they come last.
 */
export function authorsOf(
  state: GroupState | undefined,
  named: Iterable<readonly [DeviceId, string]>,
): Map<DeviceId, string> {
  const authors = new Map<DeviceId, string>();
  for (const [id, sign] of inOrder(state, named)) {
    if (authors.size >= limits.feedsPerConversation) break;
    authors.set(id, sign);
  }
  return authors;
}

function* inOrder(
  state: GroupState | undefined,
  named: Iterable<readonly [DeviceId, string]>,
): Generator<readonly [DeviceId, string]> {
  if (state) {
    const { membership, devices } = state;
    const members = new Set([...membership.members.values()].map(({ root }) => root));
    const former = [...membership.everyone.keys()].filter((root) => !members.has(root));
    const newestFirst = (root: Parameters<typeof devices.chain>[0]): readonly Device[] =>
      devices.chain(root)?.chain.everyDevice.slice(-limits.feedsPerMember).toReversed() ?? [];
    yield* inTurns([...members].map((root) => devices.current(root) ?? []));
    yield* inTurns([...members].map(newestFirst));
    yield* inTurns(former.map(newestFirst));
  }
  yield* named;
}

/** The first of each, then the second of each, and so on. */
function* inTurns(lists: readonly (readonly Device[])[]): Generator<readonly [DeviceId, string]> {
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  for (let at = 0; at < longest; at++)
    for (const list of lists) {
      const device = list[at];
      if (device) yield [device.id, device.sign];
    }
}
