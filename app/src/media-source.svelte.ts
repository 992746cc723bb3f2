/** An address of bytes for as long as a component shows them: made when it begins, released when it ends, scrolled away included. */
import type { MediaSource } from './state/actions.ts';

export class HeldSource {
  #url = $state<string>();
  #asked = $state(false);

  /** @param ask called within an effect, and again when what it reads changes; undefined while there is nothing to ask for. */
  constructor(ask: () => Promise<MediaSource | undefined> | undefined) {
    $effect(() => {
      const asking = ask();
      if (!asking) return;
      let held: MediaSource | undefined;
      let over = false;
      void asking.then((source) => {
        if (over) source?.release();
        else {
          held = source;
          this.#url = source?.url;
          this.#asked = true;
        }
      });
      return () => {
        over = true;
        held?.release();
        this.#url = undefined;
        this.#asked = false;
      };
    });
  }

  get url(): string | undefined {
    return this.#url;
  }

  /** It was asked for and is not to be had. */
  get missing(): boolean {
    return this.#asked && this.#url === undefined;
  }
}
