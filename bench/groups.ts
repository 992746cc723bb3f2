/** What does a group of 200 cost its members? Simulated people on the real engine. */
import { Crowd } from '../engine/testing/crowd.ts';
import { realCrypto } from '../engine/testing/keys.ts';
import { World, type Machine } from '../engine/testing/world.ts';
import { Link } from '../engine/links/link.ts';
import type { Answer, Question, Row, Run } from './support/question.ts';

const fullMembers = 200;
const quickMembers = 40;
/** A spread beyond this is felt as slow. */
const spreadMaxMs = 2_000;
const linksMax = 16;
/** Longer than a link is kept without a use. */
const idleMs = 150_000;

/** Everything that any link is given to send. */
class Traffic {
  readonly frames = new Map<string, number>();
  entries = 0;
  bytes = 0;

  /** @returns how to stop. */
  count(): () => void {
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its `this` again
    const { control, send } = Link.prototype;
    const note = (kind: string, entries: number) => {
      this.frames.set(kind, (this.frames.get(kind) ?? 0) + 1);
      this.entries += entries;
    };
    const noteBytes = (bytes: number) => (this.bytes += bytes);
    Link.prototype.control = function (frame) {
      note(frame.kind, frame.kind === 'entries' ? frame.entries.length : 0);
      control.call(this, frame);
    };
    Link.prototype.send = function (frame) {
      noteBytes(frame.length);
      send.call(this, frame);
    };
    return () => Object.assign(Link.prototype, { control, send });
  }
}

const seconds = (ms: number | undefined): string =>
  ms === undefined ? 'did not happen' : `${(ms / 1000).toFixed(2)} s`;
const mean = (all: readonly number[]): number => all.reduce((sum, one) => sum + one, 0) / Math.max(1, all.length);

/** One message, from a group at rest or from one in which links stand. */
async function oneMessage(
  crowd: Crowd,
  writer: Machine,
  text: string,
): Promise<{ tookMs: number | undefined; sent: Traffic }> {
  const sent = new Traffic();
  const stop = sent.count();
  crowd.say(writer, text);
  const tookMs = await crowd.spread([text], 60_000);
  await crowd.world.run(2_000);
  stop();
  return { tookMs, sent };
}

async function many(members: number, say: Run['say']): Promise<Row[]> {
  const world = new World({ crypto: realCrypto });
  const startedAt = performance.now();
  const virtualFrom = world.clock.now();
  const crowd = await Crowd.gather(world, members, (joined) => {
    if (joined % 50 === 0) say(`${joined} asked to join after ${seconds(performance.now() - startedAt)}`);
  });
  const complete = await world.run(600_000, () => crowd.complete);
  const allInMs = world.clock.now() - virtualFrom;
  const wallMs = performance.now() - startedAt;
  say(`all in: ${complete} after ${seconds(wallMs)}`);
  const group = crowd.groupOf(crowd.all[0]);
  const log = group ? [...(await crowd.all[0].engine.feeds.frontier(group.log)).values()] : [];
  await world.run(idleMs);
  const [first, ...others] = crowd.all;
  const cold = await oneMessage(crowd, first, 'from rest');
  const openLinks = crowd.links;
  const warm = await oneMessage(crowd, others[Math.floor(members / 2)] ?? first, 'right after');
  const problems = crowd.all.flatMap(({ reports }) => reports);
  const perMember = (of: Traffic) =>
    `${(of.entries / members).toFixed(1)} times the entry, ${(of.bytes / members / 1000).toFixed(1)} KB`;
  return [
    {
      what: `${members} members, one every 0.2 s: from founding until all have all and can read`,
      target: 'all',
      measured: `${seconds(complete ? allInMs : undefined)} of their time; ${log.reduce((sum, one) => sum + one, 0)} entries in the log`,
      reached: complete,
    },
    { what: 'Work of that, of one processor for each member', target: '', measured: seconds(wallMs / members) },
    {
      what: 'Links of a member, mean and most, while something is said',
      target: `at most ${linksMax}`,
      measured: `${mean(openLinks).toFixed(1)}, ${Math.max(...openLinks)}`,
      reached: Math.max(...openLinks) <= linksMax,
    },
    {
      what: 'A message of one until all have it: every link has to be made first',
      target: '',
      measured: seconds(cold.tookMs),
    },
    {
      what: 'The next one, over links that stand (10 ms each way)',
      target: `under ${spreadMaxMs / 1000} s`,
      measured: seconds(warm.tookMs),
      reached: (warm.tookMs ?? Infinity) < spreadMaxMs,
    },
    { what: 'Sent by each member for that message, on average', target: '', measured: perMember(warm.sent) },
    {
      what: 'Reported problems of all members',
      target: '0',
      measured: `${problems.length}${problems.length > 0 ? `, the first: ${String(problems[0])}` : ''}`,
      reached: problems.length === 0,
    },
  ];
}

async function measure({ quick, say }: Run): Promise<Answer> {
  const members = quick ? quickMembers : fullMembers;
  return {
    rows: await many(members, say),
    notes: [
      'Simulated people, each with the real engine: real signatures (Ed25519), AES-256-GCM, stores in memory, links of 2 MB/s and 10 ms each way on a clock of their own.',
    ],
  };
}

const question: Question = {
  name: 'groups',
  asks: 'What does a group of 200 cost its members?',
  seconds: ({ quick }) => (quick ? 60 : 400),
  measure,
};
export default question;
