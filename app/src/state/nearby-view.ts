/** From the engine to the list of people nearby. Contacts are left out: they are in the list of conversations. Pure. */
import type { Causeway } from '../../../engine/causeway.ts';
import type { NearbyRow, NearbyView } from './view.ts';

export function nearbyView(engine: Causeway): NearbyView {
  const { state } = engine.nearby;
  if (state.kind !== 'on') {
    const because = state.kind === 'off' ? state.because : undefined;
    return { state: state.kind, people: [], ...(because === undefined ? {} : { because }) };
  }
  const people = state.people.flatMap(({ account, handle, displayName, root }): NearbyRow[] => {
    const relation = engine.people.get(account)?.relation ?? 'none';
    if (relation === 'accepted' || relation === 'blocked') return [];
    const asked = relation === 'outgoing' ? 'me' : relation === 'incoming' ? 'them' : 'nobody';
    return [{ account, handle, displayName, avatarSeed: root, asked }];
  });
  return { state: 'on', people };
}
