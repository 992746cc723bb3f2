/** The time for what is shown ("5 minutes ago", "Yesterday"), renewed every half minute while something on the screen uses it. */
import { createSubscriber } from 'svelte/reactivity';

const subscribe = createSubscriber((update) => {
  const timer = setInterval(update, 30_000);
  return () => clearInterval(timer);
});

export function shownNow(): number {
  subscribe();
  return Date.now();
}
