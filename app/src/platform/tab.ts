/**
 * One engine per browser profile: a Web Lock elects the tab that runs it (two tabs must never write one feed). "Use here" steals the lock; the
 * tab that loses it is told and must stop at once.
 */
const lockName = 'causeway-engine';

/** @param onLost called when another tab took over. @returns whether this tab has the engine now. */
export function claimEngine(options: { steal: boolean; onLost: () => void }): Promise<boolean> {
  return new Promise((decided) => {
    // The lock is held as long as the promise that its callback returns is pending: for the life of the tab.
    const held = navigator.locks.request(lockName, options.steal ? { steal: true } : { ifAvailable: true }, (lock) => {
      decided(lock !== null);
      return lock === null ? undefined : new Promise<never>(() => undefined);
    });
    held.catch(() => {
      decided(false);
      options.onLost();
    });
  });
}
