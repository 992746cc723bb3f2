/** Before an account is deleted: the logs of its groups say that it left, as far as somebody is there to hear of it. */
import type { Causeway } from '../../../engine/causeway.ts';
import type { Group } from '../../../engine/groups/group.ts';

/** For all groups together: whoever deletes their account is not kept waiting by a group of which nobody is there. */
const patienceMs = 4000;
/** How often it is looked whether somebody was told. */
const lookMs = 100;
/** What was handed to a link needs as long to get there, over a slow line. */
const underWayMs = 500;

/** Resolves when all was tried; what failed is reported and keeps nobody from deleting their account. */
export async function leaveGroups(engine: Causeway, report: (problem: unknown) => void): Promise<void> {
  const groups = engine.groups.all().filter(({ me }) => me !== undefined);
  if (groups.length === 0) return;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<void>((end) => (timer = setTimeout(end, patienceMs)));
  const left = Promise.all(groups.map((group) => leave(engine, group).catch(report)));
  await Promise.race([left, over]);
  clearTimeout(timer);
}

async function leave(engine: Causeway, group: Group): Promise<void> {
  const alone = group.devices.every(({ id }) => engine.isMine(id));
  if (!engine.connected || !(await group.leave()) || alone) return;
  const length = (await engine.feeds.frontier(group.log)).get(engine.device) ?? 0;
  // Who has left is not told any more who holds what: that it was handed to a link is all that can be known.
  const told = () =>
    group.devices.some(
      ({ id }) =>
        !engine.isMine(id) && engine.conversations.deliveryOf(group.log, length - 1, [id], engine.device) !== 'queued',
    );
  const giveUpAt = Date.now() + patienceMs;
  while (!told() && Date.now() < giveUpAt) await new Promise((next) => setTimeout(next, lookMs));
  await new Promise((next) => setTimeout(next, underWayMs));
}
