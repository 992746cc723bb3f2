/**
 * Progress where it shows without looking at the page: a ring around the icon of the tab, a number on the icon of the installed app. And what a page
 * has to ask of the browser while something runs: to keep the screen on, and to ask before it is left. Called at most twice a second; all of it
 * is let go of when nothing runs.
 */
import type { Moving } from '../state/views/transfers.ts';

const iconPixels = 64;
/** Of so many parts of the ring one more is seen at the size of a tab's icon. Drawing one has three processes at work. */
const ringParts = 25;

/** Not in every browser, and where it is the person may have forbidden it: then nothing is shown, which harms nobody. */
interface BadgeNavigator {
  setAppBadge?(count: number): Promise<void>;
  clearAppBadge?(): Promise<void>;
}

export class BesideProgress {
  #running = 0;
  /** Leaving the page would interrupt something. */
  #moves = false;
  /** How many parts of the ring are drawn; none: the icon is its own. */
  #parts: number | undefined;
  #lock: WakeLockSentinel | undefined;
  #icon: { link: HTMLLinkElement; href: string; type: string } | undefined;
  #url: string | undefined;

  constructor(private readonly report: (problem: unknown) => void) {}

  show({ running, any, progress }: Moving): void {
    if (running !== this.#running) {
      this.#running = running;
      this.#badge();
    }
    if (any !== this.#moves) {
      this.#moves = any;
      if (any) this.#begin();
      else this.#end();
    }
    const parts = progress === undefined ? undefined : Math.floor(progress * ringParts);
    if (parts === this.#parts) return;
    this.#parts = parts;
    this.#drawIcon().catch(this.report);
  }

  #begin(): void {
    addEventListener('beforeunload', askBeforeLeaving);
    document.addEventListener('visibilitychange', this.#keepAwake);
    this.#keepAwake();
  }

  #end(): void {
    removeEventListener('beforeunload', askBeforeLeaving);
    document.removeEventListener('visibilitychange', this.#keepAwake);
    this.#lock?.release().catch(this.report);
    this.#lock = undefined;
  }

  /** The browser takes the lock away when the page is hidden; it is asked for again when it is seen. */
  readonly #keepAwake = (): void => {
    if (document.visibilityState !== 'visible' || !('wakeLock' in navigator)) return;
    if (this.#lock && !this.#lock.released) return;
    navigator.wakeLock.request('screen').then(
      (lock) => {
        if (this.#moves && (this.#lock === undefined || this.#lock.released)) this.#lock = lock;
        else lock.release().catch(this.report);
      },
      () => undefined, // a low battery, or hidden again: the transfer runs all the same
    );
  };

  #badge(): void {
    const badges: BadgeNavigator = navigator;
    const shown = this.#running > 0 ? badges.setAppBadge?.(this.#running) : badges.clearAppBadge?.();
    shown?.catch(() => undefined); // not installed, or forbidden
  }

  async #drawIcon(): Promise<void> {
    const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
    if (!link) return;
    this.#icon ??= { link, href: link.href, type: link.type };
    if (this.#parts === undefined) {
      link.href = this.#icon.href;
      link.type = this.#icon.type;
      this.#forgetUrl(undefined);
      return;
    }
    const parts = this.#parts;
    const drawn = await ring(parts / ringParts);
    if (!drawn || parts !== this.#parts) return; // a newer one is under way
    const url = URL.createObjectURL(drawn);
    link.type = 'image/png';
    link.href = url;
    this.#forgetUrl(url);
  }

  #forgetUrl(next: string | undefined): void {
    if (this.#url !== undefined) URL.revokeObjectURL(this.#url);
    this.#url = next;
  }
}

function askBeforeLeaving(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

/** The colours of the icon itself (`public/favicon.svg`): the theme of the page is not that of the browser's tabs. */
async function ring(progress: number): Promise<Blob | null> {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = iconPixels;
  const context = canvas.getContext('2d');
  if (!context) return null;
  const middle = iconPixels / 2;
  const width = iconPixels * 0.2;
  const arc = (part: number, colour: string): void => {
    context.beginPath();
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.arc(middle, middle, middle - width / 2, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * part);
    context.stroke();
  };
  arc(1, '#8fd3e4');
  arc(Math.max(0.04, progress), '#0b6680');
  context.fillStyle = '#0b6680';
  context.beginPath();
  context.arc(middle, middle, iconPixels * 0.18, 0, 2 * Math.PI);
  context.fill();
  return new Promise((drawn) => canvas.toBlob(drawn, 'image/png'));
}
