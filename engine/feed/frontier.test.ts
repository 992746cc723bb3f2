import { expect, test } from 'vitest';
import type { ConversationId, DeviceId } from '../../protocol/ids.ts';
import { limits } from '../../protocol/limits.ts';
import { cheapDevice, cheapSignatures } from '../testing/keys.ts';
import type { Feeds } from './log.ts';
import { ConversationSync, type FeedFrame } from './sync.ts';

test('of more feeds than can be named, those of known authors are', async () => {
  const devices = Array.from({ length: limits.feedsPerConversation + 100 }, (_, at) => `device ${at}` as DeviceId);
  const known = new Set(devices.slice(-50));
  const frontier = new Map(devices.map((device): [DeviceId, number] => [device, 1]));
  const sent: FeedFrame[] = [];
  const sync = new ConversationSync({
    ports: { signatures: cheapSignatures, device: cheapDevice(1) },
    feeds: { frontier: () => Promise.resolve(frontier) } as Partial<Feeds> as Feeds,
    conversation: 'c'.repeat(43) as ConversationId,
    peer: cheapDevice(2).id,
    authors: (device) => (known.has(device) ? new Uint8Array(32) : undefined),
    send: (frame) => sent.push(frame),
    report: () => undefined,
  });
  await sync.start();
  const [first] = sent;
  const have = first?.kind === 'frontier' ? first.have.map(([device]) => device) : [];
  expect(have).toHaveLength(limits.feedsPerConversation);
  expect([...known].filter((device) => !have.includes(device))).toEqual([]);
});
