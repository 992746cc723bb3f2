/** Owns a group of many in a simulated world: everybody joins by one invitation, a few at a time, as a class or a club would. */
import type { GroupId } from '../../protocol/ids.ts';
import type { Group } from '../groups/group.ts';
import { readPayload } from '../feed/payload.ts';
import { found, inviteTo } from './small-group.ts';
import type { Machine, World } from './world.ts';

/** Between one who joins and the next. */
const joinEveryMs = 200;

export class Crowd {
  private constructor(
    readonly world: World,
    /** The founder first. */
    readonly all: [Machine, ...Machine[]],
  ) {}

  /** Resolves once the first has founded the group and all others have asked to join. */
  static async gather(world: World, members: number, tell: (joined: number) => void = () => undefined): Promise<Crowd> {
    const founder = await world.person();
    await founder.start();
    const crowd = new Crowd(world, [founder]);
    await world.run(500);
    const code = await found(founder);
    for (let joined = 2; joined <= members; joined++) {
      await crowd.join(code);
      await world.run(joinEveryMs);
      tell(joined);
    }
    return crowd;
  }

  /** @returns the code of an invitation that any number of people may use. */
  invite(): Promise<string> {
    return inviteTo(this.all[0]);
  }

  /** One more person asks to join. */
  async join(code: string): Promise<Machine> {
    const machine = await this.world.person();
    this.all.push(machine);
    await machine.start();
    await this.world.run(20);
    machine.act((engine) => engine.groups.join(code));
    return machine;
  }

  groupOf(machine: Machine): Group | undefined {
    return machine.engine.groups.all()[0];
  }

  idOf(machine: Machine): GroupId {
    const group = this.groupOf(machine);
    if (!group) throw new Error(`machine ${machine.index} is in no group`);
    return group.id;
  }

  /** Whether all know all, and can read what is written. */
  get complete(): boolean {
    return this.all.every((machine) => {
      const group = this.groupOf(machine);
      return group?.membership?.members.size === this.all.length && group.keys.some;
    });
  }

  say(machine: Machine, text: string): void {
    const group = this.groupOf(machine);
    if (group) machine.act((engine) => engine.sendText(group.id, text));
  }

  async texts(machine: Machine): Promise<string[]> {
    const group = this.groupOf(machine);
    const history = group ? await machine.feeds.history(group.chat, Number.MAX_SAFE_INTEGER) : [];
    return history.flatMap((entry) => {
      const payload = readPayload(entry);
      return payload.kind === 'text' ? [payload.text] : [];
    });
  }

  /** Lets time pass until everybody has these texts. @returns how long that took, in milliseconds; undefined when it did not happen. */
  async spread(texts: readonly string[], atMostMs: number): Promise<number | undefined> {
    const { clock } = this.world;
    const from = clock.now();
    const waiting = new Set(this.all);
    while (clock.now() - from < atMostMs) {
      for (const machine of waiting) {
        const has = new Set(await this.texts(machine));
        if (texts.every((text) => has.has(text))) waiting.delete(machine);
      }
      if (waiting.size === 0) return clock.now() - from;
      await this.world.run(20);
    }
    return undefined;
  }

  get links(): number[] {
    return this.all.map((machine) => machine.engine.links.all().length);
  }
}
