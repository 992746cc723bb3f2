/** The service worker: the app starts offline, and a new version waits until the person takes it. */
import { Workbox } from 'workbox-window';
import { scriptUrl } from './script-url.ts';

const checkMs = 60 * 60_000;

/** @returns loads the waiting version and starts the page anew with it. */
export function watchUpdates(onWaiting: () => void, report: (problem: unknown) => void): () => void {
  if (!('serviceWorker' in navigator) || import.meta.env.DEV) return () => location.reload();
  const workbox = new Workbox(scriptUrl('/sw.js'), { scope: '/' });
  workbox.addEventListener('waiting', onWaiting);
  workbox.register().catch(report);
  setInterval(() => void workbox.update().catch(() => undefined), checkMs); // offline: the next check will do
  return () => {
    workbox.addEventListener('activated', () => location.reload());
    workbox.messageSkipWaiting();
  };
}
