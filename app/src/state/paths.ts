/** How the bytes to and from a person travel, over each open link. */
import type { Causeway } from '../../../engine/causeway.ts';
import type { Person } from '../../../engine/people/people.ts';
import type { AccountId } from '../../../protocol/ids.ts';
import type { PathView } from './view.ts';

/** What the engine measures of each link, where it does. */
interface MeasuredPaths {
  pathsOf(account: AccountId): PathView[];
}
const measures = (engine: object): engine is MeasuredPaths => 'pathsOf' in engine;

export function pathsOf(engine: Causeway, person: Person): PathView[] {
  if (measures(engine)) return engine.pathsOf(person.account);
  return person.devices.flatMap(({ id }) => {
    const link = engine.links.open(id);
    return link ? [{ path: link.path }] : [];
  });
}
