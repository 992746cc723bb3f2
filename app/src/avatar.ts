/** What an avatar is drawn from: colours and a shape out of the public key, initials out of the name. The same on every device. */
export interface AvatarShape {
  base: string;
  accent: string;
  /** Centre and radius of the disc, in a square of 100. */
  x: number;
  y: number;
  r: number;
}

/** FNV-1a, 32 bits: not for security, only to spread seeds over colours. */
function hash(seed: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < seed.length; i++) h = Math.imul(h ^ seed.charCodeAt(i), 0x01000193);
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d);
  return (h ^ (h >>> 13)) >>> 0;
}

/** Lightness stays low enough that white initials keep 4.5:1 on both colours. */
export function avatarShape(seed: string): AvatarShape {
  const h = hash(seed);
  const hue = h % 360;
  const second = (hue + 35 + ((h >>> 9) % 50)) % 360;
  return {
    base: `oklch(0.46 0.11 ${hue})`,
    accent: `oklch(0.53 0.12 ${second})`,
    x: (h >>> 14) % 2 === 0 ? 12 : 88,
    y: 8 + ((h >>> 16) % 84),
    r: 46 + ((h >>> 23) % 18),
  };
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const first = (word: string): string => graphemes.segment(word)[Symbol.iterator]().next().value?.segment ?? '';
/** Scripts whose single characters are words: one is enough, two would be read as another word. */
const single =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Extended_Pictographic}\p{Script=Arabic}]/u;

/** One or two characters; empty for a name without any letter, digit or emoji. */
export function initials(name: string): string {
  const words = name.split(/[\s._-]+/u).filter((word) => /[\p{L}\p{N}\p{Extended_Pictographic}]/u.test(word));
  const a = first(words[0] ?? '');
  const b = words.length > 1 && !single.test(a) ? first(words.at(-1) ?? '') : '';
  return (a + (single.test(b) ? '' : b)).toUpperCase();
}
