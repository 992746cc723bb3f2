/**
 * What a person chose for themselves (which conversations are pinned, muted, archived; whether others learn what was read), the same on every
 * device of the account. A choice counts at once where it is made; the others hear of it by an entry of the conversation with oneself, and of several
 * entries the last in its order counts. A choice that no entry says yet is later than all of them.
 */
import type { OwnChat, OwnDiscretion } from '../../protocol/own-facts.ts';
import type { AccountId, DeviceId, GroupId } from '../../protocol/ids.ts';
import type { Records } from '../records.ts';

export type OwnChoice = OwnChat | OwnDiscretion;
export type ChatChoice = Pick<OwnChat, 'pinned' | 'muted' | 'archived'>;
export type Discretion = Pick<OwnDiscretion, 'read' | 'typing'>;

interface Place {
  lamport: number;
  device: DeviceId;
}

/** `at`: the entry that says so; absent while none does. */
export interface KeptChoice {
  choice: OwnChoice;
  at?: Place;
}

const unchosen: ChatChoice = { pinned: false, muted: false, archived: false };
const open: Discretion = { read: true, typing: true };

export class OwnChoices {
  readonly #kept = new Map<string, KeptChoice>();

  constructor(
    private readonly records: Records<KeptChoice>,
    /** Of another device one came; told which conversation it is about, if about one. */
    private readonly changed: (about: AccountId | GroupId | undefined) => void,
  ) {}

  async load(): Promise<void> {
    for (const kept of await this.records.all()) this.#kept.set(keyOf(kept.choice), kept);
  }

  chat(about: AccountId | GroupId): ChatChoice {
    const choice = this.#kept.get(about)?.choice;
    return choice?.kind === 'own-chat' ? choice : unchosen;
  }

  get discretion(): Discretion {
    const choice = this.#kept.get('own-discretion')?.choice;
    return choice?.kind === 'own-discretion' ? choice : open;
  }

  /** Counts at once; resolves when it is durable. */
  choose(choice: OwnChoice): Promise<void> {
    return this.#keep({ choice });
  }

  /** Choices that the other devices were not told of. */
  untold(): OwnChoice[] {
    return [...this.#kept.values()].filter(({ at }) => !at).map(({ choice }) => choice);
  }

  /** An entry of a device of the account, this one included, says so. */
  async heard(choice: OwnChoice, { lamport, device }: Place): Promise<void> {
    const at = { lamport, device };
    const before = this.#kept.get(keyOf(choice));
    if (before && !before.at && !isSame(before.choice, choice)) return; // what is chosen here since goes out after it
    if (before?.at && !isLater(at, before.at)) return;
    await this.#keep({ choice, at });
    if (!before || !isSame(before.choice, choice)) this.changed(choice.kind === 'own-chat' ? choice.about : undefined);
  }

  async #keep(kept: KeptChoice): Promise<void> {
    const key = keyOf(kept.choice);
    const before = this.#kept.get(key);
    this.#kept.set(key, kept);
    try {
      await this.records.put(key, kept);
    } catch (problem) {
      // What is not durable does not count: an entry that says so is taken again.
      if (this.#kept.get(key) === kept) {
        if (before) this.#kept.set(key, before);
        else this.#kept.delete(key);
      }
      throw problem;
    }
  }
}

const keyOf = (choice: OwnChoice): string => (choice.kind === 'own-chat' ? choice.about : choice.kind);

const isSame = (a: OwnChoice, b: OwnChoice): boolean =>
  a.kind === 'own-chat'
    ? b.kind === 'own-chat' && a.pinned === b.pinned && a.muted === b.muted && a.archived === b.archived
    : b.kind === 'own-discretion' && a.read === b.read && a.typing === b.typing;

const isLater = (a: Place, b: Place): boolean =>
  a.lamport !== b.lamport ? a.lamport > b.lamport : a.device > b.device;
