/** A member who floods others with notes that nobody signed: what the others say is heard all the same. */
import { expect, test } from 'vitest';
import { encodeCbor } from '../../protocol/codec.ts';
import { signedBytes } from '../../protocol/domains.ts';
import { limits } from '../../protocol/limits.ts';
import { Crowd } from '../testing/crowd.ts';
import { settle, World, type Machine } from '../testing/world.ts';
import { GroupNotes, type GroupNote } from './notes.ts';

test('notes wait to be verified for each link by itself', async () => {
  const world = new World();
  const crowd = await Crowd.gather(world, 3);
  await world.run(60_000, () => crowd.complete);
  for (const machine of crowd.all) machine.engine.lookAt(crowd.idOf(machine));
  await world.run(5_000);
  const [reader, flooder, writer] = crowd.all as [Machine, Machine, Machine];
  const group = crowd.groupOf(reader);
  const linkTo = ({ device }: Machine) => reader.engine.links.all().find((link) => link.device === device);
  const [fromFlooder, fromWriter] = [linkTo(flooder), linkTo(writer)];
  if (!group || !fromFlooder || !fromWriter) throw new Error('not linked');

  let verified = 0;
  const { signatures } = world.crypto;
  const notes = new GroupNotes(
    {
      clock: world.clock,
      keys: reader.keys,
      signatures: {
        verify: (...what) => {
          verified++;
          return signatures.verify(...what);
        },
      },
      groups: () => [group],
      byChat: () => group,
      handsOnTo: () => undefined,
      links: () => [],
      isMine: (device) => device === reader.device,
      readHere: () => new Map(),
      learnRead: () => Promise.resolve(),
      report: (problem) => {
        throw problem;
      },
    },
    () => undefined,
  );
  const said = { conversation: group.chat, device: writer.device, at: Math.floor(world.clock.now()), read: [] };
  const message = signedBytes(
    'causeway/group-note/1',
    encodeCbor([said.conversation, said.device, said.at, said.read]),
  );
  const note: GroupNote = { kind: 'note', ...said, signature: await writer.keys.sign(message) };
  const forged = { ...note, signature: await flooder.keys.sign(message) };
  for (let times = 0; times < 10_000; times++) notes.onFrame(fromFlooder, forged);
  notes.onFrame(fromWriter, note);
  for (let turns = 0; turns < 10; turns++) await settle();
  expect(notes.writing(group)).toEqual([writer.account.id]);
  expect(verified).toBeLessThanOrEqual(2 * limits.groupNotesPerLink + 1);
  notes.stop();
});
