/** `BundleActions` whose code is loaded when something is done with a bundle. */
import type { Bundles } from './bundles.ts';
import { guard } from './action-result.ts';
import type { ActionResult, BundleActions } from './actions.ts';

export function lazyBundles(load: () => Promise<Bundles>): BundleActions {
  const acting = (act: (bundles: Bundles) => Promise<ActionResult>) => guard(async () => act(await load()));
  return {
    offer: (...args) => acting((bundles) => bundles.offer(...args)),
    provide: (...args) => acting((bundles) => bundles.provide(...args)),
    files: async (...args) => (await load()).files(...args),
    acceptSome: (...args) => acting((bundles) => bundles.acceptSome(...args)),
    saveEntry: (...args) => acting((bundles) => bundles.saveEntry(...args)),
    saveAs: (...args) => acting((bundles) => bundles.saveAs(...args)),
    stopSaving: async (...args) => (await load()).stopSaving(...args),
  };
}
