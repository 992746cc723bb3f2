import { describe, expect, it } from 'vitest';
import { limits } from '../../../protocol/limits.ts';
import { gather, type ChosenFolder, type Found, type Gathered, type Gathering } from './gather.ts';
import { matchAgain } from './match-again.ts';

const breathe = () => ({ pause: () => Promise.resolve() });
const named = (path: string, words: string, lastModified = 7): Found => ({
  path,
  file: new File([words], path.slice(path.lastIndexOf('/') + 1), { lastModified }),
});
const chosen = (batches: Found[][], fail?: Error): ChosenFolder => ({
  kind: 'folder',
  name: 'trip',
  async *found() {
    for (const batch of batches) yield await Promise.resolve(batch);
    if (fail) throw fail;
  },
});
const run = (what: ChosenFolder, signal = new AbortController().signal): Promise<Gathering> =>
  gather(what, { signal, onprogress: () => undefined, breathe });
async function gathered(...batches: Found[][]): Promise<Gathered> {
  const result = await run(chosen(batches));
  if (result.kind !== 'gathered') throw new Error(result.kind);
  return result.gathered;
}

describe('gathering', () => {
  it('keeps paths, sizes, times and empty folders, and counts', async () => {
    const all = await gathered([named('trip/a', 'four')], [{ path: 'trip/none/deep' }, named('trip/day/b', 'x')]);
    expect(all).toMatchObject({
      paths: ['trip/a', 'trip/none/deep', 'trip/day/b'],
      sizes: [4, -1, 1],
      times: [7, -1, 7],
      fileCount: 2,
      folderCount: 4,
      contentBytes: 5,
    });
  });

  it.each<[string, ChosenFolder, Gathering]>([
    ['nothing', chosen([[]]), { kind: 'empty' }],
    [
      'a path of too many units',
      chosen([[named('a', ''), named(`t/${'x'.repeat(limits.pathUnits)}`, '')]]),
      { kind: 'path-too-long', path: `t/${'x'.repeat(limits.pathUnits)}` },
    ],
    [
      'a path of too many segments',
      chosen([
        [
          named(
            Array(limits.pathDepth + 1)
              .fill('a')
              .join('/'),
            '',
          ),
        ],
      ]),
      {
        kind: 'path-too-long',
        path: Array(limits.pathDepth + 1)
          .fill('a')
          .join('/'),
      },
    ],
    [
      'something unreadable',
      chosen([[named('trip/a', '')]], new DOMException('gone', 'NotFoundError')),
      { kind: 'unreadable' },
    ],
  ])('of %s is said', async (_, what, expected) => {
    expect(await run(what)).toEqual(expected);
  });

  it('of more than a bundle may hold gives nothing', async () => {
    const one = named('trip/a', '');
    const many = Array.from({ length: limits.bundleEntries + 1 }, (_, at) => ({ ...one, path: `trip/${at}` }));
    expect(await run(chosen([many]))).toEqual({ kind: 'too-many', most: limits.bundleEntries });
  });

  it('can be stopped', async () => {
    const stop = new AbortController();
    const what = chosen([[named('trip/a', '')], [named('trip/b', '')]]);
    const result = gather(what, { signal: stop.signal, onprogress: () => stop.abort(), breathe });
    expect(await result).toEqual({ kind: 'stopped' });
  });
});

describe('a folder that is chosen again', () => {
  const offered = {
    paths: ['trip/a', 'trip/none', 'trip/day/b'],
    sizes: Float64Array.of(4, -1, 1),
    times: Float64Array.of(7, -1, -1),
  };

  it('is the same under another name and in another order, with more in it', async () => {
    const again = await gathered([named('trip 2/day/b', 'x', 99), named('trip 2/new', ''), named('trip 2/a', 'four')]);
    expect(matchAgain(offered, again)).toMatchObject([{ name: 'a' }, { name: 'b' }]);
  });

  it.each([
    ['missing', [named('trip/a', 'four')], 'trip/day/b'],
    ['changed', [named('trip/a', 'fours'), named('trip/day/b', 'x')], 'trip/a'],
    ['changed', [named('trip/a', 'four', 8), named('trip/day/b', 'x')], 'trip/a'],
  ])('with something %s is named', async (kind, found, path) => {
    const match = matchAgain(offered, await gathered(found));
    expect(match.filter((file) => !(file instanceof File))).toEqual([
      { kind, path, sizeBytes: path === 'trip/a' ? 4 : 1 },
    ]);
  });
});
