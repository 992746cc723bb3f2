/** What a person is just attaching to a conversation: files that are copied, a folder that is read. */
import { announceFailure } from './announce.svelte.ts';
import type { ChosenFolder } from './bundle/gather.ts';
import type { Chosen } from './chosen-files.ts';
import type { AccountId } from '../../protocol/ids.ts';
import type { Actions } from './state/actions.ts';
import { text } from './text.ts';

/** More loose files than this in one go become one bundle: as many cards would be no list any more. */
const looseFilesMax = 20;

export class Attaching {
  /** Choosings that are being copied and offered. */
  preparing = $state(0);
  /** Files that were found so far in the folder that is being read. */
  found = $state<number>();
  #stop: AbortController | undefined;

  constructor(private readonly actions: () => Actions) {}

  async files(account: AccountId, files: Chosen[], { pasted }: { pasted: boolean }): Promise<void> {
    if (files.length > looseFilesMax) {
      const { fromMany } = await import('./chosen-folders.ts');
      await this.folder(account, fromMany(text.file.bundle({ files: files.length, folders: 0 }), files));
    } else await this.#prepare(() => this.actions().attach(account, files, { pasted }));
  }

  async folder(account: AccountId, chosen: ChosenFolder): Promise<void> {
    const stop = new AbortController();
    this.#stop?.abort();
    this.#stop = stop;
    this.found = 0;
    try {
      const { readFolder } = await import('./read-folder.ts');
      const gathered = await readFolder(chosen, {
        signal: stop.signal,
        onprogress: (files) => {
          if (this.#stop === stop) this.found = files;
        },
      });
      this.#done(stop);
      if (gathered) await this.#prepare(() => this.actions().bundles.offer(account, gathered));
    } finally {
      this.#done(stop);
    }
  }

  /** The folder that is being read is not offered. */
  stop(): void {
    this.#stop?.abort();
  }

  #done(stop: AbortController): void {
    if (this.#stop !== stop) return;
    this.#stop = undefined;
    this.found = undefined;
  }

  async #prepare(act: () => ReturnType<Actions['attach']>): Promise<void> {
    this.preparing += 1;
    try {
      await announceFailure(act());
    } finally {
      this.preparing -= 1;
    }
  }
}
