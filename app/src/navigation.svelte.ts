/**
 * Where the person is among the screens of the running app, kept in step with the browser's history, so that the back button of a phone
 * goes from details to the conversation to the list instead of leaving the app. Each level above the list owns one history entry.
 */
import { tick } from 'svelte';

export type Page = 'chats' | 'settings' | 'transfers' | 'details';

interface Conversations {
  isOpen(): boolean;
  close(): void;
}

export class Navigation {
  page = $state<Page>('chats');
  readonly #conversations: Conversations;
  /** What was focused when the person went deeper, by the level that it is on. */
  readonly #openers: (Element | null)[] = [];

  constructor(conversations: Conversations) {
    this.#conversations = conversations;
    history.replaceState({ level: 0 }, '');
    $effect(() => this.#record());
  }

  get level(): number {
    return (this.#conversations.isOpen() ? 1 : 0) + (this.page === 'chats' ? 0 : 1);
  }

  go(page: Page): void {
    this.remember();
    this.page = page;
  }

  /** To be called before going deeper, while the control that does it still has the focus. */
  remember(): void {
    this.#openers[this.level] = document.activeElement;
  }

  /** One level up, as the browser's own back button does it. */
  back(): void {
    if (Navigation.#recorded() >= this.level) history.back();
    else this.#up(1);
  }

  onpopstate = (): void => this.#up(this.level - Navigation.#recorded());

  #up(levels: number): void {
    if (levels <= 0) return;
    let left = levels;
    if (this.page !== 'chats') {
      this.page = 'chats';
      left -= 1;
    }
    if (left > 0) this.#conversations.close();
    void tick().then(() => {
      const opener = this.#openers[this.level];
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    });
  }

  #record(): void {
    for (let level = Navigation.#recorded() + 1; level <= this.level; level++) history.pushState({ level }, '');
  }

  static #recorded(): number {
    const state: unknown = history.state;
    return typeof state === 'object' && state !== null && 'level' in state && typeof state.level === 'number'
      ? state.level
      : 0;
  }
}
