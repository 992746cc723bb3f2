import { describe, expect, it } from 'vitest';
import { parseEmoji, searchEmoji, withRecent } from './emoji-list.ts';

const list = [
  ['0', '😀', 'grinning face', 'happy smile'],
  ['0', '😸', 'grinning cat with smiling eyes', 'animal'],
  ['3', '🐱', 'cat face', 'pet'],
  ['3', '🦊', 'fox', 'face'],
  ['9', '🇨🇿', 'flag: Czechia', ''],
  ['9', 'xx', 'no emoji', ''],
]
  .map((line) => line.join('\t'))
  .join('\n');
const groups = parseEmoji(list);
const find = (query: string) => searchEmoji(groups, query, 10).map(({ emoji }) => emoji);

describe('the list of emoji', () => {
  it('has groups in order, and nothing that is no emoji', () => {
    expect(groups.map(({ number, emoji }) => [number, emoji.map((one) => one.emoji).join('')])).toEqual([
      [0, '😀😸'],
      [3, '🐱🦊'],
      [9, '🇨🇿'],
    ]);
  });

  it('finds by the beginnings of words, names first', () => {
    expect(find('cat')).toEqual(['🐱', '😸']);
    expect(find('face ca')).toEqual(['🐱']);
    expect(find('CZECH')).toEqual(['🇨🇿']);
    expect(find('rinning')).toEqual([]);
    expect(find('  ')).toEqual([]);
    expect(searchEmoji(groups, 'grin', 1)).toHaveLength(1);
  });

  it('remembers the last ones, each once', () => {
    expect(withRecent(['a', 'b', 'c'], 'b', 3)).toEqual(['b', 'a', 'c']);
    expect(withRecent(['a', 'b', 'c'], 'd', 3)).toEqual(['d', 'a', 'b']);
  });
});
