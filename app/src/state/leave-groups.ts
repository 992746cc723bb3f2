/** Before an account is deleted: the logs of its groups say that it left, as far as somebody is there to hear of it. */
import type { Causeway } from '../../../engine/causeway.ts';
import type { Group } from '../../../engine/groups/group.ts';

/** For all groups together: whoever deletes their account is not kept waiting by those who cannot be reached. */
const patienceMs = 4000;
const lookMs = 100;
/** What was handed to a link needs as long to get there, over a slow line. */
const underWayMs = 500;

const pause = (ms: number) => new Promise<void>((next) => setTimeout(next, ms));

/** Resolves when all was tried; what failed is reported and keeps nobody from deleting their account. */
export async function leaveGroups(engine: Causeway, report: (problem: unknown) => void): Promise<void> {
  const groups = engine.groups.all().filter(({ me }) => me !== undefined);
  if (!engine.connected || groups.length === 0) return;
  const giveUpAt = Date.now() + patienceMs;
  let told = false;
  for (const group of groups)
    try {
      // Who has left may be linked with nobody of the group any more: somebody has to be before.
      engine.lookAt(group.id);
      while (!isLinked(engine, group) && somebodyThere(engine, group) && Date.now() < giveUpAt) await pause(lookMs);
      told ||= isLinked(engine, group);
      await group.leave();
    } catch (problem) {
      report(problem);
    }
  engine.lookAt(undefined);
  if (told) await pause(underWayMs);
}

const others = (engine: Causeway, { devices }: Group) => devices.filter(({ id }) => !engine.isMine(id));

const somebodyThere = (engine: Causeway, group: Group): boolean =>
  others(engine, group).some(({ id }) => engine.groups.isOnline(id));

const isLinked = (engine: Causeway, group: Group): boolean =>
  others(engine, group).some(({ id }) => engine.links.stateOf(id) === 'open');
