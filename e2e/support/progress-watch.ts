/** Every value that the progress bar of a file shows, over reloads too, as the page paints it. */
import type { Person } from './person.ts';

declare global {
  interface Window {
    causewaySaw?: (percent: number) => void;
  }
}

/** Begins to watch; the list grows with what is shown from now on, 0 to 100, each value once for as long as it stands. */
export async function watchProgress({ page }: Person, fileName: string): Promise<number[]> {
  const seen: number[] = [];
  await page.exposeBinding('causewaySaw', (_, percent: number) => {
    if (seen.at(-1) !== percent) seen.push(percent);
  });
  await page.addInitScript(look, fileName);
  await page.evaluate(look, fileName);
  return seen;
}

/** Runs in the page. */
function look(fileName: string): void {
  const observer = new MutationObserver(() => {
    for (const bar of document.querySelectorAll('[role=group] [role=progressbar]'))
      if (bar.closest('[role=group]')?.getAttribute('aria-label') === fileName)
        window.causewaySaw?.(Number(bar.getAttribute('aria-valuenow')));
  });
  observer.observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['aria-valuenow'] });
}
