import { describe, expect, it } from 'vitest';
import type { AccountId } from '../../protocol/ids.ts';
import { beginningOfMention, matching } from './mention-choice.ts';
import { mentionedHandles } from './rich-text.ts';

const face = (handle: string, name: string) => ({ account: handle as AccountId, handle, name, avatarSeed: '' });

describe('a mention that is being written', () => {
  it.each([
    ['@', 1, { from: 0, word: '' }],
    ['hello @Bo', 9, { from: 6, word: 'bo' }],
    ['hello @bob there', 10, { from: 6, word: 'bob' }],
    ['mail a@b', 8, undefined],
    ['@@', 2, undefined],
    ['https://example.org/@bo', 23, undefined],
    ['@bob ', 5, undefined],
    ['no cursor @b', -1, undefined],
  ])('%s at %i', (text, cursor, expected) => expect(beginningOfMention(text, cursor)).toEqual(expected));

  it('is of whose handle or name begins so, the handle first', () => {
    const people = [face('zoe', 'Sam Berg'), face('sam', 'Zoe'), face('ann', 'Ann')];
    expect(matching(people, 's').map(({ handle }) => handle)).toEqual(['sam', 'zoe']);
    expect(matching(people, 'berg').map(({ handle }) => handle)).toEqual(['zoe']);
    expect(matching(people, '').map(({ handle }) => handle)).toEqual(['ann', 'sam', 'zoe']);
    expect(matching(people, 'x')).toEqual([]);
  });
});

it('finds the handles that a text names, not those in code and addresses', () => {
  expect(mentionedHandles('@Bob and @carol.x, not `@dave` nor a@eve.org nor https://x.org/@fay')).toEqual([
    'bob',
    'carol.x',
  ]);
  expect(mentionedHandles('nobody')).toEqual([]);
});
