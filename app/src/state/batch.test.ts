import { describe, expect, it } from 'vitest';
import { Batch, type BatchFile } from './batch.ts';

const file = (key: string, state: BatchFile['state'], doneBytes: number): BatchFile => ({
  key,
  state,
  doneBytes,
  sizeBytes: 100,
});

describe('progress of all', () => {
  it('counts what runs and what waits in line', () => {
    expect(new Batch().progress([file('a', 'running', 50), file('b', 'in-line', 0)])).toBe(0.25);
  });

  it('does not jump back when a file is done, nor count what was done before', () => {
    const batch = new Batch();
    const before = file('before', 'done', 100);
    expect(batch.progress([before, file('a', 'running', 90), file('b', 'running', 10)])).toBe(0.5);
    expect(batch.progress([before, file('a', 'done', 100), file('b', 'running', 10)])).toBe(0.55);
  });

  it('leaves out what was stopped, until it goes on', () => {
    const batch = new Batch();
    batch.progress([file('a', 'running', 90), file('b', 'running', 10)]);
    expect(batch.progress([file('a', 'stopped', 90), file('b', 'running', 10)])).toBe(0.1);
    expect(batch.progress([file('a', 'running', 90), file('b', 'running', 10)])).toBe(0.5);
  });

  it('begins anew when nothing runs any more', () => {
    const batch = new Batch();
    batch.progress([file('a', 'running', 90)]);
    expect(batch.progress([file('a', 'done', 100)])).toBeUndefined();
    expect(batch.progress([file('a', 'done', 100), file('b', 'running', 10)])).toBe(0.1);
  });

  it('is nothing of empty files', () => {
    expect(new Batch().progress([{ ...file('a', 'running', 0), sizeBytes: 0 }])).toBe(0);
  });
});
