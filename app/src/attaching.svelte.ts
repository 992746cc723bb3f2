/** What a person is just attaching to a conversation: files that are copied, a folder that is read. */
import { announceFailure } from './announce.svelte.ts';
import type { ChosenFolder } from './bundle/gather.ts';
import type { Chosen } from './chosen-files.ts';
import { Serial } from '../../engine/feed/serial.ts';
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
  /** Folders are read one after the other. */
  readonly #folders = new Serial();

  constructor(private readonly actions: () => Actions) {}

  async files(account: AccountId, files: Chosen[], { pasted }: { pasted: boolean }): Promise<void> {
    if (files.length > looseFilesMax) {
      const { fromMany } = await import('./chosen-folders.ts');
      await this.folder(account, fromMany(text.file.bundle({ files: files.length, folders: 0 }), files));
    } else await this.#prepare(() => this.actions().attach(account, files, { pasted }));
  }

  async folder(account: AccountId, chosen: ChosenFolder): Promise<void> {
    const gathered = await this.#folders.run(() => this.#read(chosen));
    if (gathered) await this.#prepare(() => this.actions().bundles.offer(account, gathered));
  }

  /** The folder that is being read is not offered. */
  stop(): void {
    this.#stop?.abort();
  }

  async #read(chosen: ChosenFolder) {
    const { signal } = (this.#stop = new AbortController());
    this.found = 0;
    try {
      const { readFolder } = await import('./read-folder.ts');
      return await readFolder(chosen, { signal, onprogress: (files) => (this.found = files) });
    } finally {
      this.#stop = undefined;
      this.found = undefined;
    }
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
