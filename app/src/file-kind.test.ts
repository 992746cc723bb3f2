import { expect, it } from 'vitest';
import { fileKind } from './file-kind.ts';

it.each([
  ['photo.JPG', '', 'image'],
  ['clip', 'video/mp4', 'video'],
  ['backup.tar.gz', 'application/gzip', 'archive'],
  ['notes.md', '', 'text'],
  ['song.flac', '', 'audio'],
  ['README', '', 'other'],
  ['setup.exe', 'application/octet-stream', 'other'],
])('%s of type "%s" is %s', (name, type, kind) => {
  expect(fileKind({ name, type })).toBe(kind);
});
