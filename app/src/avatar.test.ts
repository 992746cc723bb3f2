import { describe, expect, it } from 'vitest';
import { avatarShape, initials } from './avatar.ts';

describe('initials', () => {
  it.each([
    ['Ada Lovelace', 'AL'],
    ['ada', 'A'],
    ['Grace Brewster Murray Hopper', 'GH'],
    ['grace.hopper', 'GH'],
    ['田中 由紀', '田'],
    ['سلمى الخطيب', 'س'],
    ['Zoë 🌊', 'Z'],
    ['👩‍👩‍👧 family', '👩‍👩‍👧'],
    ['__..--', ''],
    ['', ''],
  ])('%s gives %s', (name, letters) => {
    expect(initials(name)).toBe(letters);
  });
});

describe('avatarShape', () => {
  it('is the same for one key and differs between keys', () => {
    expect(avatarShape('key')).toEqual(avatarShape('key'));
    const shapes = new Set(Array.from({ length: 200 }, (_, i) => JSON.stringify(avatarShape(`key ${i}`))));
    expect(shapes.size).toBeGreaterThan(195);
  });
});
