import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { limits } from '../../../protocol/limits.ts';
import type { ManifestEntry } from '../../../protocol/manifest.ts';
import { BundleFiles, rangesOf } from './bundle-files.ts';
import { BundleTree, buildTree } from './bundle-tree.ts';
import { Selection } from './selection.ts';
import { foundRows, openAtFirst, openRows } from './tree-rows.ts';

const file = (path: string, sizeBytes = 1): ManifestEntry => ({ kind: 'file', path, sizeBytes });
const folder = (path: string): ManifestEntry => ({ kind: 'folder', path });
const treeOf = (...manifest: ManifestEntry[]): BundleTree => new BundleTree(buildTree(manifest, 100));
const paths = (tree: BundleTree, nodes?: Iterable<number>): string[] =>
  Array.from(nodes ?? Array.from({ length: tree.count }, (_, node) => node), (node) => tree.path(node).join('/'));

const photos = treeOf(
  file('trip/b.jpg', 10),
  file('trip/a 10.jpg', 20),
  file('trip/a 9.jpg', 30),
  file('trip/day 2/c.jpg', 40),
  folder('trip/day 1'),
);

describe('a tree', () => {
  it('has folders first, then files, each in the order of names that people expect', () => {
    expect(paths(photos)).toEqual([
      'trip',
      'trip/day 1',
      'trip/day 2',
      'trip/day 2/c.jpg',
      'trip/a 9.jpg',
      'trip/a 10.jpg',
      'trip/b.jpg',
    ]);
    expect(photos.sizeBytes(0)).toBe(100);
    expect(photos.fileCount(0)).toBe(4);
    expect(photos.inOrder().map((node) => [photos.name(node), photos.start(node)])).toEqual([
      ['b.jpg', 100],
      ['a 10.jpg', 110],
      ['a 9.jpg', 130],
      ['c.jpg', 160],
    ]);
  });

  it('keeps a file and a folder of one name, and two files of one name, apart', () => {
    expect(paths(treeOf(file('a'), file('a/b'), file('a/b'), file('A')))).toEqual([
      'a',
      'a/b',
      'a/b (1)',
      'a (1)',
      'A (2)',
    ]);
  });

  it('never leads out of itself, whatever the segments are', () => {
    const segment = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }).filter((name) => !name.includes('/'));
    const path = fc.array(segment, { minLength: 1, maxLength: 5 }).map((segments) => segments.join('/'));
    fc.assert(
      fc.property(fc.array(path, { minLength: 1, maxLength: 30 }), (raw) => {
        const tree = treeOf(...raw.map((one) => file(one)));
        const all = paths(tree);
        expect(new Set(all.map((one) => one.normalize('NFC').toLowerCase())).size).toBe(all.length);
        for (const one of all) expect(one).not.toMatch(/^\/|\\|(^|\/)\.{0,2}(\/|$)/);
        expect(tree.inOrder().map((node) => tree.entry(node))).toEqual(raw.map((_, index) => index));
      }),
      { numRuns: 40 },
    );
  });

  it('of more folders than a bundle may have is refused', () => {
    const deep = Array.from({ length: 5_000 }, (_, index) =>
      file(
        `${index}/${Array(limits.pathDepth - 2)
          .fill('a')
          .join('/')}/f`,
      ),
    );
    expect(() => treeOf(...deep)).toThrow('too many folders');
  });
});

describe('rows', () => {
  it('open down to where there is a choice, and show what is in open folders', () => {
    expect([...openAtFirst(photos)]).toEqual([0]);
    expect(paths(photos, openRows(photos, new Set()))).toEqual(['trip']);
    expect(openRows(photos, new Set([0]))).toHaveLength(6);
    expect(openRows(photos, new Set([0, 2]))).toHaveLength(7);
    expect([...openAtFirst(treeOf(file('x/y/1'), file('x/y/2')))]).toEqual([0, 1]);
  });

  it('found by name stand in their folders', () => {
    expect(paths(photos, foundRows(photos, ' C.JPG '))).toEqual(['trip', 'trip/day 2', 'trip/day 2/c.jpg']);
    expect(foundRows(photos, 'nothing like it')).toEqual([]);
  });
});

describe('a selection', () => {
  it('counts what is ticked, up to the top', () => {
    const selection = new Selection(photos);
    expect(selection.total).toEqual({ files: 4, sizeBytes: 100 });
    selection.set(2, false);
    expect([selection.state(0), selection.state(2), selection.state(3)]).toEqual(['some', 'none', 'none']);
    expect(selection.total).toEqual({ files: 3, sizeBytes: 60 });
    expect(paths(photos, selection.leaves())).not.toContain('trip/day 2/c.jpg');
    selection.set(3, true);
    expect(selection.everything).toBe(true);
    selection.setAll(false);
    expect([selection.nothing, selection.total.files]).toEqual([true, 0]);
  });

  it('is the same whichever way it came about', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(photos.count - 1), fc.boolean()), { maxLength: 20 }), (ticks) => {
        const selection = new Selection(photos);
        const leaves = new Set(Array.from({ length: photos.count }, (_, node) => node).filter((n) => photos.isLeaf(n)));
        const wanted = new Set(leaves);
        for (const [node, ticked] of ticks) {
          selection.set(node, ticked);
          for (let at = node; at < photos.end(node); at++)
            if (leaves.has(at)) {
              if (ticked) wanted.add(at);
              else wanted.delete(at);
            }
        }
        expect([...selection.leaves()].sort()).toEqual([...wanted].sort());
        expect(selection.total.sizeBytes).toBe([...wanted].reduce((sum, node) => sum + photos.sizeBytes(node), 0));
      }),
    );
  });
});

it('of chosen files those are counted whose blocks are all there', () => {
  const { blockBytes } = limits;
  const tree = new BundleTree(
    buildTree([file('a', blockBytes - 100), file('b', blockBytes), file('c', 10), file('empty', 0)], 100),
  );
  const all = new BundleFiles(tree, undefined);
  expect([all.wholeCount([]), all.wholeCount([[0, 1]]), all.wholeCount([[1, 3]]), all.wholeCount([[0, 3]])]).toEqual([
    0, 2, 3, 4,
  ]);
  const some = new BundleFiles(tree, rangesOf([3, 1]));
  expect([some.fileCount, some.wholeCount([[0, 2]])]).toEqual([2, 2]);
  expect(some.isChosen(tree.inOrder()[0] ?? -1)).toBe(false);
});
