/** A conversation out of one device and into another: what is in the file, and what of it is believed. */
import { describe, expect, it } from 'vitest';
import type { EntryRef } from '../../../protocol/entry.ts';
import { fromBase64 } from '../../../protocol/bytes.ts';
import type { AccountId, GroupId } from '../../../protocol/ids.ts';
import { contentOf } from '../../../engine/testing/content.ts';
import { groupOf, smallGroup } from '../../../engine/testing/small-group.ts';
import { friends, type Machine } from '../../../engine/testing/world.ts';
import { talkOf } from '../state/talk.ts';
import { archiveText, parseArchive, type Archive, type ArchivedMessage } from './archive-format.ts';
import { archivePage, escapeHtml } from './archive-page.ts';
import { collect } from './collect.ts';

const refOf = (machine: Machine, sequence: number): EntryRef => ({ device: machine.device, sequence });
function exported(machine: Machine, { account }: { account: { id: AccountId | GroupId } }) {
  const talk = talkOf(machine.engine, account.id as AccountId);
  if (!talk) throw new Error('nobody to talk with');
  return collect(machine.engine, talk, 5, () => undefined);
}
const textOf = ({ head, messages, entries }: Awaited<ReturnType<typeof exported>>) =>
  [...archiveText(head, messages, entries)].join('');
const wires = ({ entries }: Pick<Archive, 'entries'>) => entries.map(({ wire }) => fromBase64(wire));

/** Ann and Bob after a talk: one message edited, one deleted, one that disappears and was edited, an answer with a reaction. */
async function talked() {
  const world = await friends();
  const { ann, bob } = world;
  const act = (machine: Machine, what: Parameters<Machine['act']>[0]) => {
    machine.act(what);
    return world.world.run(1_000);
  };
  const [annId, bobId] = [ann.account.id, bob.account.id];
  await act(ann, (engine) => engine.sendText(bobId, 'frist'));
  await act(ann, (engine) => engine.say(bobId, { kind: 'edit', of: refOf(ann, 0), text: 'first' }));
  await act(ann, (engine) => engine.sendText(bobId, 'a slip'));
  await act(ann, (engine) => engine.say(bobId, { kind: 'delete', of: refOf(ann, 2) }));
  await act(ann, (engine) => engine.say(bobId, { kind: 'timer', afterMs: 1_000_000 }));
  await act(ann, (engine) => engine.sendText(bobId, 'soon gone'));
  await act(ann, (engine) => engine.say(bobId, { kind: 'edit', of: refOf(ann, 5), text: 'gone, edited' }));
  await act(ann, (engine) => engine.say(bobId, { kind: 'timer', afterMs: 0 }));
  await act(bob, (engine) => engine.sendText(annId, 'answer', refOf(ann, 0)));
  await act(ann, (engine) => engine.say(bobId, { kind: 'react', to: refOf(bob, 0), emoji: '👍' }));
  return world;
}

describe('an export', () => {
  it('has what people read as it reads now, and nothing of what is deleted or disappears', async () => {
    const { world, ann, bob } = await talked();
    ann.offer(bob.account.id, [contentOf(10)], { name: 'plans.txt' });
    await world.run(1_000);
    ann.act((engine) => engine.say(bob.account.id, { kind: 'delete', of: refOf(ann, 9) }));
    await world.run(1_000);
    const collected = await exported(bob, ann);
    const { conversation } = bob.person(ann);
    expect(collected.messages).toMatchObject([
      { kind: 'text', conversation, author: ann.account.id, text: 'first', edited: true },
      { kind: 'deleted', author: ann.account.id },
      {
        kind: 'text',
        author: bob.account.id,
        text: 'answer',
        reply: refOf(ann, 0),
        reactions: [{ by: ann.account.id, emoji: '👍' }],
      },
      { kind: 'deleted', author: ann.account.id },
    ]);
    const json = textOf(collected);
    const read = parseArchive(json);
    expect(read).toMatchObject({ kind: 'ok', archive: { version: 1, exportedAt: 5, conversations: [conversation] } });
    const bytes = Buffer.concat(wires(collected)).toString('latin1');
    expect(bytes).toContain('answer');
    for (const hidden of ['a slip', 'soon gone', 'gone, edited', 'plans.txt'])
      expect(bytes + json).not.toContain(hidden);
  });

  it('comes back once, verified, on a device that has nothing; a deletion stays one', async () => {
    const { world, ann, bob } = await talked();
    const collected = await exported(ann, bob);
    const { conversation } = ann.person(bob);
    const second = await world.secondDevice(ann);
    await ann.close();
    await bob.close();
    await second.start();
    await world.run(1_000);
    expect(await second.history(bob)).toEqual([]);
    const everything = wires(collected);
    expect(await second.engine.importEntries(conversation, everything)).toEqual({ messages: 2, leftOut: 0 });
    expect(await second.engine.importEntries(conversation, everything)).toEqual({ messages: 0, leftOut: 0 });
    expect(textOf(await exported(second, bob))).toBe(textOf(collected));
  });

  it('leaves no message unread, though those that come meanwhile are', async () => {
    const { world, ann, bob } = await talked();
    const { conversation } = bob.person(ann);
    const everything = wires(await exported(ann, bob));
    const second = await world.secondDevice(bob);
    await ann.close();
    await bob.close();
    await second.start();
    await world.run(1_000);
    const unread = () => second.engine.conversations.summary(conversation).unread;
    expect((await second.engine.importEntries(conversation, everything)).messages).toBe(2);
    expect(unread()).toBe(0);
    await ann.start();
    ann.act((engine) => engine.sendText(bob.account.id, 'news'));
    await world.run(10_000, () => unread() > 0);
    expect(unread()).toBe(1);
  });

  it('of a group has its name, its members and what they wrote, and is taken back by one of them', async () => {
    const { world, all } = await smallGroup(2);
    const [ann, bob] = all as unknown as [Machine, Machine];
    const group = groupOf(ann);
    const texts = async (machine: Machine) =>
      (await exported(machine, { account: { id: group.id } })).messages.map(
        (message) => message.kind === 'text' && message.text,
      );
    ann.act((engine) => engine.sendText(group.id, 'who sings?'));
    bob.act((engine) => engine.sendText(group.id, 'I do'));
    await expect
      .poll(async () => {
        await world.run(1_000);
        return (await texts(bob)).length;
      })
      .toBe(2);
    const collected = await exported(bob, { account: { id: group.id } });
    expect(collected.head).toMatchObject({ group: 'Choir', conversations: [group.chat] });
    expect(new Set(collected.head.people.map(({ account }) => account))).toEqual(
      new Set([ann.account.id, bob.account.id]),
    );
    expect(collected.messages.map(({ author }) => author).sort()).toEqual([ann.account.id, bob.account.id].sort());
    expect(parseArchive(textOf(collected)).kind).toBe('ok');
    // What members cannot read from outside is not readable in what was signed either.
    expect(Buffer.concat(wires(collected)).toString('latin1')).not.toContain('who sings?');
    expect(await ann.engine.importEntries(group.chat, wires(collected))).toEqual({ messages: 0, leftOut: 0 });
  });

  it('with changed, foreign or missing entries gives only what verifies', async () => {
    const { world, ann, bob } = await talked();
    const collected = await exported(ann, bob);
    const { conversation } = ann.person(bob);
    const second = await world.secondDevice(ann);
    await ann.close();
    await bob.close();
    await second.start();
    await world.run(1_000);
    const everything = wires(collected);
    const changed = everything.map((wire, index) => (index === 0 ? wire.with(wire.length - 1, 1) : wire));
    // Nothing of Ann's feed follows without its first entry; Bob's is whole.
    const result = await second.engine.importEntries(conversation, changed);
    expect(result).toEqual({ messages: 1, leftOut: everything.length - 1 });
    expect(await second.engine.importEntries(conversation, [new Uint8Array(0), new Uint8Array(9)])).toEqual({
      messages: 0,
      leftOut: 2,
    });
    expect((await second.engine.importEntries(conversation, everything)).messages).toBe(1);
  });
});

describe('a file that is none', () => {
  const archive = {
    format: 'causeway-conversation',
    version: 1,
    exportedAt: 1,
    people: [],
    conversations: [],
    messages: [],
    entries: [],
  };
  it.each([
    ['not-an-archive', 'no JSON'],
    ['not-an-archive', '[]'],
    ['not-an-archive', JSON.stringify({ ...archive, format: 'other' })],
    ['not-an-archive', JSON.stringify({ ...archive, entries: [{ wire: 'A' }] })],
    ['not-an-archive', JSON.stringify({ ...archive, extra: 1 })],
    ['newer-version', JSON.stringify({ ...archive, version: 2, later: true })],
    ['ok', JSON.stringify(archive)],
  ])('is %s: %s', (kind, text) => {
    expect(parseArchive(text).kind).toBe(kind);
  });
});

describe('the page', () => {
  it('escapes whatever people wrote, and allows no script', async () => {
    const nasty = `</p><script>alert(1)</script><img src=x onerror="alert('1')">&amp;`;
    const { ann, bob } = await friends();
    const { head, me } = await exported(ann, bob);
    const people = head.people.map((person) => ({ ...person, displayName: `<b>${nasty}` }));
    const place = { conversation: head.conversations[0], device: ann.device, author: me, at: 1 };
    const messages = [
      { ...place, sequence: 0, kind: 'text', text: nasty, reactions: [{ by: me, emoji: nasty }] },
      { ...place, sequence: 1, kind: 'text', text: 'x', reply: { device: ann.device, sequence: 0 } },
      {
        ...place,
        sequence: 2,
        kind: 'files',
        files: [{ name: nasty, sizeBytes: 1, type: nasty, path: `files/"><script>#?%.html` }],
      },
    ] as ArchivedMessage[];
    let page = '';
    for await (const part of archivePage({ ...head, people }, me, messages, () => Promise.resolve('HASH')))
      page += part;
    expect(page).toContain("default-src 'none'; style-src 'sha256-HASH'");
    // Nothing but what the page itself has.
    const tags = new Set([...page.matchAll(/<\/?([a-z!]+)/gi)].map(([, tag]) => tag?.toLowerCase()));
    for (const tag of ['script', 'img', 'b', 'iframe', 'object']) expect(tags).not.toContain(tag);
    expect(page).toContain(escapeHtml(nasty));
    // Both of one name are told apart.
    for (const { handle } of people) expect(page).toContain(escapeHtml(` (@${handle})`));
    const [, href = ''] = /<a href="([^"]*)"/.exec(page) ?? [];
    expect(href).toBe('files/%22%3E%3Cscript%3E%23%3F%25.html');
    expect(page).not.toMatch(/<[^>]*\son\w+=/);
  });
});
