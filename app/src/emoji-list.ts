/** The list of all emoji that this browser knows, and finding some by name. */
import { isEmoji } from './emoji.ts';

export interface Emoji {
  emoji: string;
  name: string;
  /** Lower case, name and other words, each with a space before it: what begins so is found. */
  words: string;
}

export interface EmojiGroup {
  number: number;
  emoji: Emoji[];
}

/** @param list lines of group, emoji, name and words, with tabs between. What the browser takes for no emoji (a newer one) is left out. */
export function parseEmoji(list: string): EmojiGroup[] {
  const groups = new Map<number, EmojiGroup>();
  for (const line of list.split('\n')) {
    const [group = '', emoji = '', name = '', others = ''] = line.split('\t');
    if (!isEmoji(emoji)) continue;
    const number = Number(group);
    const known = groups.get(number) ?? { number, emoji: [] };
    groups.set(number, known);
    known.emoji.push({ emoji, name, words: ` ${name.toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, ' ')} ${others}` });
  }
  return [...groups.values()];
}

/** Those of which each word of the query begins a word; first those whose name does. */
export function searchEmoji(groups: readonly EmojiGroup[], query: string, most: number): Emoji[] {
  const terms = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (terms.length === 0) return [];
  const found = groups.flatMap(({ emoji }) =>
    emoji.filter(({ words }) => terms.every((term) => words.includes(` ${term}`))),
  );
  const [first = ''] = terms;
  const rank = ({ name }: Emoji) => (name.toLowerCase().startsWith(first) ? 0 : 1);
  return found.sort((a, b) => rank(a) - rank(b)).slice(0, most);
}

/** The newest first, each once. */
export const withRecent = (recent: readonly string[], emoji: string, most: number): string[] =>
  [emoji, ...recent.filter((one) => one !== emoji)].slice(0, most);
