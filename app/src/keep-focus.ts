/**
 * Keyboard focus that is not lost when what had it goes away: a button that did its work, an answered request, a panel. The focus stays as
 * near as possible: within what surrounded it, else where it was before, else on the title of the page.
 */
const focusable = 'button:not(:disabled), a[href], input:not(:disabled), textarea:not(:disabled), [tabindex="0"]';

const nobody = (): boolean => document.activeElement === null || document.activeElement === document.body;

/** For `{@attach}`: watches over the focus within `root`. */
export function keepFocus(root: HTMLElement): () => void {
  /** What has the focus, and what surrounds it, from the inside out. */
  let path: HTMLElement[] = [];
  /** What had it before, in another part of the page. */
  let before: HTMLElement | undefined;

  function onfocusin({ target }: FocusEvent): void {
    if (!(target instanceof HTMLElement)) return;
    const [last] = path;
    if (last && partOf(last) !== partOf(target)) before = last;
    path = [];
    for (let one: HTMLElement | null = target; one && one !== root; one = one.parentElement) path.push(one);
  }

  function onfocusout({ target, relatedTarget }: FocusEvent): void {
    if (relatedTarget !== null || !(target instanceof HTMLElement)) return;
    // Removed elements are gone a moment later; one that is still there was left on purpose.
    queueMicrotask(() => {
      if (target === path[0] && target.isConnected) path = [];
    });
  }

  function restore(): void {
    const [last, ...around] = path;
    if (!last || last.isConnected || !nobody()) return;
    path = [];
    for (const one of around) {
      if (!one.isConnected) continue;
      if (one.localName === 'main') break;
      const inside = Array.from(one.querySelectorAll<HTMLElement>(focusable));
      const next = one.tabIndex === 0 ? one : inside.find((each) => each.checkVisibility());
      if (next) {
        next.focus({ preventScroll: true });
        return;
      }
    }
    (before?.checkVisibility() ? before : root.querySelector('h1'))?.focus({ preventScroll: true });
  }

  const observer = new MutationObserver(restore);
  observer.observe(root, { childList: true, subtree: true });
  root.addEventListener('focusin', onfocusin);
  root.addEventListener('focusout', onfocusout);
  return () => {
    observer.disconnect();
    root.removeEventListener('focusin', onfocusin);
    root.removeEventListener('focusout', onfocusout);
  };
}

const partOf = (element: HTMLElement): Element | null => element.closest('section, aside');

/** A new screen: its title takes the focus, unless a field of it did already. */
export function focusTitle(): void {
  if (nobody()) document.querySelector('h1')?.focus({ preventScroll: true });
}
