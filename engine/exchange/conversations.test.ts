/** Which links are told at once of what is new in a group. */
import { expect, it } from 'vitest';
import type { ControlFrame } from '../../protocol/frame.ts';
import type { AccountId, DeviceId } from '../../protocol/ids.ts';
import { Feeds } from '../feed/log.ts';
import type { Link } from '../links/link.ts';
import { conversation } from '../testing/feed-network.ts';
import { cheapDevice, cheapSignatures, hashes, seededRandom } from '../testing/keys.ts';
import { MemoryFeedStore } from '../testing/memory-feed-store.ts';
import { MemoryRecords } from '../testing/memory-records.ts';
import { Conversations } from './conversations.ts';

const [here, own, near, away, far] = [0, 1, 2, 3, 4].map(cheapDevice) as [Device, Device, Device, Device, Device];
type Device = ReturnType<typeof cheapDevice>;

/** What goes out does so in a few turns of promises. */
async function settled(): Promise<void> {
  for (let turns = 0; turns < 200; turns++) await Promise.resolve();
}

/** Who of `linked` is sent an entry that is written now, if it is to be handed on to `near` and `away`, and a moment later to `more`. */
async function told(linked: readonly Device[], ...more: Device[]): Promise<DeviceId[]> {
  const now = () => 1_700_000_000_000;
  const feeds = new Feeds({
    store: new MemoryFeedStore(),
    hashes,
    signatures: cheapSignatures,
    device: here,
    clock: { now },
    random: seededRandom(1),
  });
  const wanted = new Set([near.id, away.id]);
  const isMine = (device: DeviceId) => device === here.id || device === own.id;
  const conversations = new Conversations(
    {
      feeds,
      signatures: cheapSignatures,
      keys: here,
      clock: { now, after: () => () => undefined },
      summaries: new MemoryRecords(),
      deliveries: new MemoryRecords(),
      authorsOf: () => new Map(),
      isMine,
      own: () => 'me' as AccountId,
      isLookedAt: () => true,
      mayName: () => false,
      handsOnTo: () => ({ wanted, has: (device) => wanted.has(device) || isMine(device) }),
      introduce: () => undefined,
      report: (problem) => {
        throw problem;
      },
    },
    {
      changed: () => undefined,
      forked: () => undefined,
      newest: () => undefined,
      level: () => undefined,
      named: () => undefined,
      broken: (_, problem) => {
        throw problem;
      },
    },
  );
  feeds.listen((entries) => conversations.spread(entries));
  const sent: DeviceId[] = [];
  for (const { id } of linked) {
    const control = ({ kind }: ControlFrame) => {
      if (kind === 'entries') sent.push(id);
    };
    const link = { device: id, control } as unknown as Link;
    conversations.linkOpened(link, [conversation], isMine(id));
    conversations.onFrame(link, { kind: 'frontier', conversation, have: [] });
  }
  await settled();
  expect(sent).toEqual([]);
  await feeds.append(conversation, { kind: 'text', text: 'new' });
  await settled();
  for (const { id } of more) {
    wanted.add(id);
    conversations.handOn(id);
  }
  await settled();
  return sent.sort();
}

const ids = (...devices: Device[]) => devices.map(({ id }) => id).sort();

it('only those to whom it is handed on, as long as all of them are linked', async () => {
  expect(await told([own, near, away, far])).toEqual(ids(own, near, away));
});

it('all who are linked when one of those is not, a device of this account or not', async () => {
  expect(await told([near, far])).toEqual(ids(near, far));
  expect(await told([own, near, far])).toEqual(ids(own, near, far));
});

it('who is handed on to from a moment later, over a link that was open before', async () => {
  expect(await told([near, away, far], far)).toEqual(ids(near, away, far));
});
