/** Builds the app and puts it on the page. */
import { mount } from 'svelte';
import Root from './Root.svelte';
import { watchUpdates } from './platform/updates.ts';
import { App } from './state/app.svelte.ts';

// eslint-disable-next-line no-console -- the only log that a page has
const report = (problem: unknown): void => console.warn('causeway:', problem);

const app = new App(report);
const target = document.getElementById('app');
if (!target) throw new Error('index.html has no #app');
mount(Root, { target, props: { app } });
app.start().catch(report);

const applyUpdate = watchUpdates(() => app.updateWaiting(applyUpdate), report);
addEventListener('online', () => app.wake());
addEventListener('pageshow', () => app.wake());
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') app.wake();
  app.visibilityChanged();
});
