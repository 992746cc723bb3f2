import { describe, expect, it } from 'vitest';
import { mediaKind, playedType } from './media-kind.ts';

describe('what is shown where it stands', () => {
  it.each([
    ['a.PNG', 'image/png', 'picture', undefined],
    ['a.jpg', '', 'picture', undefined],
    ['clip.webm', 'video/webm; codecs="vp9"', 'video', 'video/webm'],
    ['song.m4a', 'audio/x-m4a', 'audio', 'audio/mp4'],
    ['voice.weba', 'audio/webm;codecs=opus', 'audio', 'audio/webm'],
    ['film.mp4', 'application/octet-stream', 'video', 'video/mp4'],
  ])('%s declared as "%s" is a %s', (name, type, kind, played) => {
    expect(mediaKind({ name, type })).toBe(kind);
    expect(playedType({ name, type })).toBe(played);
  });

  it.each([
    ['drawing.svg', 'image/svg+xml'],
    ['page.html', 'text/html'],
    ['page.png', 'text/html'],
    ['page.mp4', 'image/svg+xml'],
    ['picture.exe', 'image/png'],
    ['paper.pdf', 'application/pdf'],
    ['constructor', ''],
    ['x.__proto__', ''],
    ['png', 'image/svg+xml'],
  ])('%s declared as "%s" is not', (name, type) => {
    expect(mediaKind({ name, type })).toBeUndefined();
    expect(playedType({ name, type })).toBeUndefined();
  });

  it('what is many files is none of them', () => {
    expect(mediaKind({ name: 'a.png', type: '', bundle: { files: 2 } })).toBeUndefined();
  });
});
