/** Before an account is deleted: the logs of its groups say that it left, as far as somebody is there to hear of it. */
import type { Causeway } from '../../../engine/causeway.ts';
import type { Group } from '../../../engine/groups/group.ts';
import type { Clock } from '../../../engine/ports.ts';

/** For all groups together: whoever deletes their account is not kept waiting by those who cannot be reached. */
const patienceMs = 4000;
const lookMs = 100;

export interface LeaveGroupsPorts {
  clock: Clock;
  /** What failed keeps nobody from deleting their account. */
  report(problem: unknown): void;
}

/** Resolves when somebody of each group has heard of it, as far as somebody is there and can be reached in time. */
export async function leaveGroups(engine: Causeway, ports: LeaveGroupsPorts): Promise<void> {
  if (!engine.connected) return;
  const groups = engine.groups.all().filter(({ me }) => me !== undefined);
  for (const group of groups)
    try {
      await engine.groups.leave(group);
    } catch (problem) {
      ports.report(problem);
    }
  const { clock } = ports;
  const giveUpAt = clock.now() + patienceMs;
  while (groups.some((group) => waits(engine, group)) && clock.now() < giveUpAt)
    await new Promise<void>((next) => clock.after(lookMs, next));
}

const waits = ({ groups }: Causeway, group: Group): boolean =>
  groups.isLeaving(group) && groups.links.online(group).length > 0;
