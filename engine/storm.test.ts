/**
 * People who chat and send files while everything around them breaks, then heals: nothing is lost, nothing is shown that is not.
 * Seeds that once failed are kept.
 */
import { equalBytes } from '../protocol/bytes.ts';
import type { OfferId } from '../protocol/ids.ts';
import { describe, expect, test } from 'vitest';
import { readPayload } from './feed/payload.ts';
import type { StoredEntry } from './ports.ts';
import { blockCount } from './transfer/blocks.ts';
import { contentOf } from './testing/content.ts';
import { World, type Machine } from './testing/world.ts';

declare const process: { env: Record<string, string | undefined> };

const long = process.env['CAUSEWAY_LONG'] !== undefined;
const runs = long ? 3000 : 300;
/** With two devices for each account; a world of four machines takes longer. */
const runsOfTwo = long ? 300 : 60;

interface Sent {
  offer: OfferId;
  from: Machine;
  to: Machine;
  sizes: number[];
}

class Storm {
  readonly texts: { from: Machine; to: Machine; text: string; ok: boolean }[] = [];
  readonly sent: Sent[] = [];
  readonly #cuts = new Set<string>();
  /** What was done, for whoever looks into a failing seed. */
  readonly log: string[] = [];
  #state: number;
  #counter = 0;

  constructor(
    readonly world: World,
    seed: number,
    readonly deletes: boolean,
  ) {
    this.#state = (seed + 1) * 0x9e3779b9;
    world.wires.reachable = (a, b) => !this.#cuts.has([a, b].sort().join());
  }

  /** 0 to `below` - 1. */
  draw(below: number): number {
    this.#state = Math.imul(this.#state ^ (this.#state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0x297a2d39);
    return ((mixed ^ (mixed >>> 16)) >>> 0) % below;
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[this.draw(from.length)];
    if (picked === undefined) throw new Error('nothing to pick from');
    return picked;
  }

  pair(): [Machine, Machine] {
    const from = this.pick(this.world.machines);
    return [from, this.pick(this.world.machines.filter((machine) => machine !== from))];
  }

  async step(): Promise<void> {
    const { world } = this;
    const [one, other] = this.pair();
    const sent = this.sent.length > 0 ? this.pick(this.sent) : undefined;
    const side = sent && this.pick([sent.from, sent.to]);
    const file = sent ? this.draw(sent.sizes.length) : 0;
    const what = this.draw(24);
    this.log.push(`${world.clock.now() - 1_700_000_000_000} ${what} ${one.index} ${other.index} ${file}`);
    if (what < 4) this.#say(one, other);
    else if (what < 6) this.#offer(one, other);
    else if (what < 10) {
      if (sent) this.#answer(sent);
    } else if (what === 10) {
      const drawn = this.draw(3);
      if (drawn === 0) side?.act((engine) => engine.cancelFile(sent?.offer as OfferId, file));
      else if (drawn === 1 && this.deletes && sent) this.#delete(sent);
    } else if (what === 11) side?.act((engine) => engine.transfers.pause(sent?.offer as OfferId, file));
    else if (what === 12) side?.act((engine) => engine.transfers.resume(sent?.offer as OfferId, file));
    else if (what < 15) one.crashAt = { effects: 1 + this.draw(25), when: this.pick(['before', 'after'] as const) };
    else if (what === 15) one.crash();
    else if (what === 16) await one.close();
    else if (what === 17) {
      world.wires.cut(one.device, other.device);
    } else if (what === 18) this.#cuts.add([one.device, other.device].sort().join());
    else if (what === 19) this.#cuts.clear();
    else if (what === 20) {
      if (world.server.up) world.server.kill();
      else world.server.start();
    } else if (what === 21) {
      if (sent) sent.from.blobs.lose(sent.offer, file);
    } else if (what === 22) one.blobs.disk.freeBytes = this.draw(300_000);
    else if (this.draw(2) === 0) one.failingWrites = this.draw(3);
    else one.act((engine) => engine.shareWith(other.account.handle));
    await world.run(this.pick([0, 3, 30, 150, 400, 1500, 4000]));
    for (const machine of world.machines) if (!machine.running && this.draw(3) > 0) await machine.start();
  }

  #say(from: Machine, to: Machine): void {
    if (!from.running) return;
    const said = { from, to, text: `text ${this.#counter++}`, ok: false };
    this.texts.push(said);
    from.act(async (engine) => {
      const outcome = await engine.sendText(to.account.id, said.text);
      said.ok = outcome.ok;
    });
  }

  #answer({ offer, to, sizes }: Sent): void {
    const verdict = this.draw(8) === 0 ? 'declined' : 'accepted';
    // Without a draw: what the seeds that once failed do stays as it was.
    const some = [...sizes.keys()].filter((file) => (this.#counter + file) % 2 === 0).map((file) => ({ file }));
    const chosen = this.#counter % 5 < 2 && verdict === 'accepted' && some.length > 0 ? some : undefined;
    to.act((engine) => engine.answerOffer(offer, verdict, chosen));
  }

  #delete({ offer, from, to }: Sent): void {
    from.act(async (engine) => {
      const conversation = engine.people.get(to.account.id)?.conversation;
      const entries = conversation === undefined ? [] : await engine.feeds.history(conversation, 1000);
      const isIt = (entry: StoredEntry) => {
        const payload = readPayload(entry);
        return payload.kind === 'offer' && payload.offer === offer;
      };
      const { device, sequence } = entries.find(isIt) ?? {};
      if (device !== undefined && sequence !== undefined)
        await engine.say(to.account.id, { kind: 'delete', of: { device, sequence } });
    });
  }

  #offer(from: Machine, to: Machine): void {
    const sizes = Array.from({ length: 1 + this.draw(3) }, () => this.pick([0, 1, 70_000, 262_144, 300_000, 900_000]));
    const offer = from.offer(
      to.account.id,
      sizes.map((size) => contentOf(size, ++this.#counter)),
    );
    if (offer) this.sent.push({ offer, from, to, sizes });
  }

  /** Everything works again, and everybody does what is asked of them. */
  async heal(): Promise<boolean> {
    const { world } = this;
    this.#cuts.clear();
    world.server.start();
    for (const machine of world.machines) {
      machine.crashAt = undefined;
      machine.failingWrites = 0;
      machine.blobs.disk.freeBytes = Infinity;
      await machine.start();
    }
    for (let round = 0; round < 12; round++) {
      for (const machine of world.machines) {
        machine.provideAll();
        for (const other of world.machines)
          if (other !== machine) machine.act((engine) => engine.shareWith(other.account.handle));
      }
      for (const { offer, from, to, sizes } of this.sent) {
        to.act((engine) => engine.answerOffer(offer, 'accepted'));
        for (const machine of this.#partiesOf(from, to))
          for (const file of sizes.keys())
            if (machine.running && ['paused', 'failed'].includes(machine.standing(offer, file)))
              machine.act((engine) => engine.transfers.resume(offer, file));
      }
      if (await world.run(10_000, () => this.#settled())) break;
    }
    // What was noticed by one side a moment ago reaches the other.
    await world.run(6_000);
    // What was read is told to own devices at leisure, and a link that was rung before it healed has to time out first.
    if (new Set(world.machines.map(({ account }) => account)).size < world.machines.length) await world.run(40_000);
    return this.#settled();
  }

  /** All devices of both accounts. */
  #partiesOf(from: Machine, to: Machine): Machine[] {
    return this.world.machines.filter(({ account }) => account === from.account || account === to.account);
  }

  #settled(): boolean {
    const { machines } = this.world;
    for (const one of machines) {
      for (const other of machines.filter((machine) => machine !== one)) {
        if (one.engine.people.get(other.account.id)?.relation !== 'accepted') return false;
        const { conversation } = one.person(other);
        const written = one.engine.conversations.taken(conversation, one.device);
        const delivered =
          one.engine.conversations.deliveryOf(conversation, written - 1, [other.device]) === 'delivered';
        if (written > 0 && !delivered) return false;
      }
    }
    return this.sent.every(({ offer, from, to, sizes }) =>
      sizes.every((_, file) => {
        const standings = this.#standingsOf(this.#partiesOf(from, to), offer, file);
        return (
          new Set(standings).size === 1 && ['done', 'declined', 'cancelled', 'unknown'].includes(standings[0] ?? '')
        );
      }),
    );
  }

  /** Whoever heard of an offer only after it was deleted does not know it, and nobody has anything of it. */
  #standingsOf(parties: readonly Machine[], offer: OfferId, file: number): string[] {
    const deleted = parties.some(({ engine }) => engine.transfers.get(offer)?.deleted);
    return parties.map((machine) => {
      const standing = machine.standing(offer, file);
      if (!deleted) return standing;
      const kept = machine.blobs.has(offer, file) || machine.blobs.haveBlocks(offer, file) > 0;
      return kept ? 'kept' : standing === 'unknown' ? 'cancelled' : standing;
    });
  }

  async check(): Promise<void> {
    const { machines } = this.world;
    for (const machine of machines) {
      expect(machine.lies).toEqual([]);
      expect(machine.blobs.sinksCollided).toBe(false);
      expect(machine.stopped).toEqual([]);
    }
    for (const { offer, from, to, sizes } of this.sent) {
      for (const [file, size] of sizes.entries()) {
        const parties = this.#partiesOf(from, to);
        const standings = this.#standingsOf(parties, offer, file);
        const where = `file ${file} of ${size} from ${from.index} to ${to.index}`;
        const doing = parties.map((machine) => machine.activity(offer, file));
        expect(new Set(standings).size, `${where}: ${standings.join()}, ${doing.join()}`).toBe(1);
        expect(['done', 'declined', 'cancelled', 'unknown'], where).toContain(standings[0]);
        if (standings[0] !== 'done') continue;
        const content = from.originals.get(`${offer}-${file}`)?.content;
        const { receivedBy } = from.record(offer).files[file] ?? {};
        const holder = parties.find(({ device }) => device === receivedBy) ?? to;
        const received = holder.blobs.received(offer, file, size);
        expect(content && received && equalBytes(content, received), where).toBe(true);
        expect(holder.blobs.haveBlocks(offer, file)).toBe(blockCount(size));
      }
    }
    for (const one of machines) {
      for (const other of machines) {
        if (one.index >= other.index) continue;
        const [mine, theirs] = [await one.history(other), await other.history(one)];
        expect(mine.map(({ device, sequence }) => `${device} ${sequence}`)).toEqual(
          theirs.map(({ device, sequence }) => `${device} ${sequence}`),
        );
        const texts = await one.texts(other);
        expect(new Set(texts).size).toBe(texts.length);
        for (const { from, to, text, ok } of this.texts)
          if (ok && [one, other].includes(from) && [one, other].includes(to)) expect(texts).toContain(text);
        for (const [machine, peer] of [
          [one, other],
          [other, one],
        ] as const) {
          const { conversation } = machine.person(peer);
          const length = mine.filter(({ device }) => device === machine.device).length;
          if (length > 0)
            expect(machine.engine.conversations.deliveryOf(conversation, length - 1, [peer.device])).toBe('delivered');
          expect(machine.engine.conversations.taken(conversation, peer.device)).toBe(
            mine.filter(({ device }) => device === peer.device).length,
          );
        }
      }
    }
  }
}

async function storm(seed: number, devices: 1 | 2 = 1): Promise<void> {
  const world = new World({ seed });
  const count = seed % 3 === 0 && devices === 1 ? 3 : 2;
  for (let i = 0; i < count; i++) await world.person();
  if (devices === 2) for (const machine of [...world.machines]) await world.secondDevice(machine);
  if (seed % 4 !== 1) world.befriend(...world.machines);
  for (const machine of world.machines) await machine.start();
  await world.run(200);
  // What the seeds that once failed do stays as it was.
  const storm = new Storm(world, seed, devices === 2 || !kept.includes(seed));
  try {
    for (let steps = 10 + storm.draw(30); steps > 0; steps--) await storm.step();
    await storm.heal();
    await storm.check();
  } catch (error) {
    throw new Error(`seed ${seed}: ${String(error)}\n${storm.log.join('\n')}`, { cause: error });
  }
}

const kept = [8, 10, 31, 42, 51, 53, 61, 67, 81, 196, 213, 412, 489, 657, 906, 1023, 1242, 1835, 2226];

describe('after a storm everything is as it was meant', () => {
  const only = process.env['CAUSEWAY_SEED'];
  test.runIf(only !== undefined)('one seed', () => storm(Number(only)));
  test.skipIf(only !== undefined)('seeds that once failed', async () => {
    for (const seed of kept) await storm(seed);
  });
  const onlyOfTwo = process.env['CAUSEWAY_SEED_OF_TWO'];
  test.runIf(onlyOfTwo !== undefined)('one seed with two devices for each', () => storm(Number(onlyOfTwo), 2));
  for (let first = 0; only === undefined && first < runsOfTwo; first += 10) {
    test(`with two devices for each, seeds from ${first}`, async () => {
      for (let seed = first; seed < first + 10; seed++) await storm(seed, 2);
    });
  }
  for (let first = 0; only === undefined && first < runs; first += 20) {
    test(`seeds from ${first}`, async () => {
      for (let seed = first; seed < first + 20; seed++) await storm(seed);
    });
  }
});
