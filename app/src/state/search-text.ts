/**
 * Packed text: the messages of a conversation, folded, one to a line, in segments. A search reads through all of it; at 10 MB for 100,000
 * messages that takes less time than a person notices, finds parts of words in every script, and needs no index to be kept right (decision 0022).
 */
import type { ConversationId, DeviceId } from '../../../protocol/ids.ts';

export interface Segment {
  conversation: ConversationId;
  number: number;
  /** `rows` lines, each with a line break before and after it; an empty one where a message is gone. */
  text: string;
  devices: DeviceId[];
  /** Of each row: index into `devices`, sequence, and time. */
  who: Uint16Array;
  sequence: Float64Array;
  at: Float64Array;
}

export interface Row {
  device: DeviceId;
  sequence: number;
  at: number;
  /** As it was written. */
  words: string;
}

export interface Hit {
  conversation: ConversationId;
  device: DeviceId;
  sequence: number;
  at: number;
}

export const rowsPerSegment = 2000;
/** A term that a segment has more often is common; counting on would tell nothing more. */
const countedMax = 64;

/** Case, accents and widths do not matter to who searches. */
export const fold = (words: string): string =>
  words
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/\s+/gu, ' ')
    .trim();

export const termsOf = (query: string): string[] => [...new Set(fold(query).split(' '))].filter((term) => term !== '');

export const emptySegment = (conversation: ConversationId, number: number): Segment => ({
  conversation,
  number,
  text: '\n',
  devices: [],
  who: new Uint16Array(0),
  sequence: new Float64Array(0),
  at: new Float64Array(0),
});

export function withRows(segment: Segment, rows: readonly Row[]): Segment {
  const devices = [...segment.devices];
  const who = rows.map(({ device }) => {
    if (!devices.includes(device)) devices.push(device);
    return devices.indexOf(device);
  });
  return {
    ...segment,
    devices,
    text: segment.text + rows.map(({ words }) => `${fold(words)}\n`).join(''),
    who: Uint16Array.of(...segment.who, ...who),
    sequence: Float64Array.of(...segment.sequence, ...rows.map(({ sequence }) => sequence)),
    at: Float64Array.of(...segment.at, ...rows.map(({ at }) => at)),
  };
}

/** Segments that follow one another as one, in the place of the first. */
export function joined(first: Segment, others: readonly Segment[]): Segment {
  const all = [first, ...others];
  const devices = [...new Set(all.flatMap((one) => one.devices))];
  return {
    ...first,
    devices,
    text: `\n${all.map(({ text }) => text.slice(1)).join('')}`,
    who: Uint16Array.from(
      all.flatMap((one) =>
        Array.from(one.who, (index) => devices.indexOf(one.devices[index] ?? devices[0] ?? ('' as DeviceId))),
      ),
    ),
    sequence: Float64Array.from(all.flatMap(({ sequence }) => [...sequence])),
    at: Float64Array.from(all.flatMap(({ at }) => [...at])),
  };
}

/** The row of a message, -1 when it is not in this segment. */
export function rowOf({ devices, who, sequence }: Segment, device: DeviceId, at: number): number {
  const index = devices.indexOf(device);
  return index < 0 ? -1 : sequence.findIndex((one, row) => one === at && who[row] === index);
}

/** Puts other words into a row; none when the message is gone. */
export function withWords(segment: Segment, row: number, words: string): Segment {
  const lines = segment.text.slice(1, -1).split('\n');
  lines[row] = fold(words);
  return { ...segment, text: `\n${lines.join('\n')}\n` };
}

/** The newest rows with all terms, at most `limit`. */
export function hitsIn(segment: Segment, terms: readonly string[], limit: number): Hit[] {
  const { text } = segment;
  const hits: Hit[] = [];
  const counts = terms.map((term) => ({ term, count: countUpTo(countedMax, text, term) }));
  if (counts.some(({ count }) => count === 0)) return hits;
  const [rarest = '', ...others] = counts.sort((a, b) => a.count - b.count).map(({ term }) => term);
  let starts: number[] | undefined;
  let at = rarest === '' ? -1 : text.lastIndexOf(rarest);
  while (at > 0 && hits.length < limit) {
    const start = text.lastIndexOf('\n', at) + 1;
    const line = text.slice(start, text.indexOf('\n', at));
    if (others.every((term) => line.includes(term))) {
      starts ??= lineStarts(text);
      const row = starts.indexOf(start);
      const device = segment.devices[segment.who[row] ?? -1];
      if (device !== undefined)
        hits.push({
          conversation: segment.conversation,
          device,
          sequence: segment.sequence[row] ?? 0,
          at: segment.at[row] ?? 0,
        });
    }
    at = start < 2 ? -1 : text.lastIndexOf(rarest, start - 2);
  }
  return hits;
}

/** Looking forward is mostly several times faster than looking back, as lines with a term are looked for afterwards: it shows which term is rarest. */
function countUpTo(most: number, text: string, term: string): number {
  let count = 0;
  for (let at = text.indexOf(term); at >= 0 && count < most; at = text.indexOf(term, at + 1)) count++;
  return count;
}

function lineStarts(text: string): number[] {
  const starts: number[] = [];
  for (let at = 0; at >= 0 && at < text.length - 1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}
