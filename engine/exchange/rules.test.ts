import { describe, expect, it, test } from 'vitest';
import { limits } from '../../protocol/limits.ts';
import { allows, isSpoken, isVerified, kindOf, type AcceptKind, type AcceptRule, type Standing } from './rules.ts';

const kinds: [name: string, type: string, kind: AcceptKind | undefined][] = [
  ['lake.jpg', 'image/jpeg', 'pictures'],
  ['LAKE.JPG', '', 'pictures'],
  ['lake.jpg', 'application/octet-stream', 'pictures'],
  ['film.mkv', 'video/x-matroska', 'video'],
  ['song.ogg', 'audio/ogg; codecs=opus', 'audio'],
  ['plan.pdf', 'application/pdf', 'documents'],
  ['plan.docx', 'application/vnd.openxmlformats-officedocument.wordprocessingml.document', 'documents'],
  // Name and type disagree.
  ['setup.exe', 'image/png', undefined],
  ['lake.png', 'application/x-msdownload', undefined],
  ['film.mp4', 'image/png', undefined],
  // Programs in disguise.
  ['logo.svg', 'image/svg+xml', undefined],
  ['lake.png', 'image/svg+xml', undefined],
  ['page.html', 'text/html', undefined],
  ['plan.docm', '', undefined],
  // What is saved is what counts: a name that ends in dots and spaces loses them, and what cannot be seen hides nothing.
  ['lake.png.exe. ', 'image/png', undefined],
  ['lake\u202egnp.exe', 'image/png', undefined],
  ['lake.png.', 'image/png', 'pictures'],
  ['jpg', '', 'pictures'],
  ['README', '', undefined],
];

describe('the kind of a file', () => {
  it.each(kinds)('%j of %j', (name, type, kind) => expect(kindOf({ name, type })).toBe(kind));

  it('is none of a folder, whatever it is called', () => {
    expect(kindOf({ name: 'lake.jpg', type: '', bundle: { manifestBytes: 1, files: 1, folders: 0 } })).toBeUndefined();
  });
});

const rule = (upToBytes: number, of: AcceptRule['kinds']): AcceptRule => ({ upToBytes, kinds: of });
const file = (name: string, size: number) => ({ name, size, type: '' });

describe('a rule', () => {
  it('counts the whole offer, to the byte', () => {
    const files = [file('a.png', 60), file('b.png', 40)];
    expect([allows(rule(100, 'everything'), files), allows(rule(99, 'everything'), files)]).toEqual([true, false]);
  });

  it('takes all of an offer or nothing', () => {
    const files = [file('a.png', 1), file('b.mp3', 1)];
    expect(allows(rule(9, ['pictures']), files)).toBe(false);
    expect(allows(rule(9, ['pictures', 'audio']), files)).toBe(true);
    expect(allows(rule(9, []), files)).toBe(false);
  });

  it('of everything takes what has no kind', () => {
    expect(allows(rule(9, 'everything'), [file('setup.exe', 9)])).toBe(true);
  });
});

const verified: Standing = { relation: 'accepted', pin: { root: 'one' }, verifiedRoot: 'one' };

test.each<[string, Standing, boolean]>([
  ['compared', verified, true],
  ['never compared', { relation: 'accepted', pin: { root: 'one' } }, false],
  ['other keys than those that were compared', { ...verified, pin: { root: 'two' } }, false],
  ['back at the compared keys, but nobody looked', { ...verified, keysChangedAt: 5 }, false],
  ['back at the compared keys, looked at', { ...verified, keysChangedAt: 5, keysAcknowledged: true }, true],
  ['a stranger', { ...verified, relation: 'none' }, false],
  ['asked by this person, who has not answered', { ...verified, relation: 'outgoing' }, false],
  ['blocked', { ...verified, relation: 'blocked' }, false],
])('a person is verified: %s', (_, person, expected) => expect(isVerified(person)).toBe(expected));

describe('a voice message comes without asking', () => {
  const contact: Standing = { relation: 'accepted', pin: { root: 'one' } };
  const voice = { durationMs: 900, levels: new Uint8Array(3) };
  const spoken = { name: 'Voice message.weba', type: 'audio/webm', size: limits.voiceBytes, voice };

  test('of a contact, up to the limit', () => expect(isSpoken([spoken], contact)).toBe(true));

  test.each([
    ['one byte too long', [{ ...spoken, size: limits.voiceBytes + 1 }]],
    ['with another file beside it', [spoken, spoken]],
    ['a program that says it was spoken', [{ ...spoken, name: 'voice.exe' }]],
    ['of a type that is no sound', [{ ...spoken, type: 'text/html' }]],
    ['not spoken for this conversation', [{ name: 'song.weba', type: 'audio/webm', size: 1 }]],
    ['nothing at all', []],
  ])('not when it is %s', (_, files) => expect(isSpoken(files, contact)).toBe(false));

  test.each<[string, Standing]>([
    ['a stranger', { ...contact, relation: 'incoming' }],
    ['asked and not answered yet', { ...contact, relation: 'outgoing' }],
    ['somebody whose keys changed unseen', { ...contact, keysChangedAt: 5 }],
  ])('not of %s', (_, person) => expect(isSpoken([spoken], person)).toBe(false));

  test('of somebody whose change of keys was looked at', () => {
    expect(isSpoken([spoken], { ...contact, keysChangedAt: 5, keysAcknowledged: true })).toBe(true);
  });
});
