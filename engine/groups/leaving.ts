/**
 * Owns what is left to do for a device by which an account left a group, or ended it. Until a member's device has acknowledged the entry that says so,
 * this one is linked with members, serves them the log, and stays in the server's list, by which they see each other: else nobody might ever hear
 * of it. It is kept beside the log, so it goes on after a restart.
 */
import { Serial } from '../feed/serial.ts';
import type { Group } from './group.ts';
import type { GroupPorts } from './ports.ts';

/** Groups of which this device is to tell that it left. Put before the entry is written: a crash in between loses neither. */
export interface LeavingMarks {
  has(group: Group): boolean;
  put(group: Group, leaving: boolean): Promise<void>;
}

export class Leaving {
  readonly #line = new Serial();

  constructor(
    private readonly ports: GroupPorts,
    private readonly marks: LeavingMarks,
    /** A member has it, and the server was told. */
    private readonly over: (group: Group) => void,
  ) {}

  has(group: Group): boolean {
    return !group.me && this.marks.has(group);
  }

  /** @param write writes the entry; whether it may. */
  async begin(group: Group, write: () => Promise<boolean>): Promise<boolean> {
    const written = await this.#line.run(async () => {
      await this.marks.put(group, true);
      return write();
    });
    this.look(group);
    return written;
  }

  /** To be called whenever somebody may have got the entry, or the server may be told again. */
  look(group: Group): void {
    if (!this.marks.has(group)) return;
    this.#line.run(() => this.#tell(group)).catch((problem: unknown) => this.ports.report(problem));
  }

  /** The server does not list this account in the group: a member who is an admin has told it, or it was told before a crash. */
  unlisted(group: Group): void {
    if (!this.marks.has(group)) return;
    this.#line
      .run(() => (this.has(group) ? this.#end(group) : Promise.resolve()))
      .catch((problem: unknown) => this.ports.report(problem));
  }

  async #tell(group: Group): Promise<void> {
    if (!this.marks.has(group)) return;
    if (group.me) {
      await this.marks.put(group, false); // it was not written, or the account is in the group again
      return;
    }
    if (!(await this.#isKnown(group))) return;
    const { account } = this.ports.own();
    const gone = group.membership?.deleted ? ({ kind: 'delete' } as const) : ({ kind: 'remove', account } as const);
    if (await this.ports.change(group.id, gone)) await this.#end(group);
  }

  /** Whether another member has all that this account wrote, or there is none. */
  async #isKnown({ log, devices }: Group): Promise<boolean> {
    const others = devices.filter(({ id }) => !this.ports.isMine(id));
    for (const { id } of others) if (!(await this.ports.owes(log, id))) return true;
    return others.length === 0;
  }

  async #end(group: Group): Promise<void> {
    await this.marks.put(group, false);
    this.over(group);
  }
}
