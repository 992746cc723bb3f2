import { describe, expect, it } from 'vitest';
import { quickEmoji } from './emoji-choice.ts';
import { isEmoji, isEmojiOnly } from './emoji.ts';
import { joinCodeOf, safeHref, textParts } from './rich-text.ts';

const kinds = (text: string) => textParts(text).map((part) => [part.kind, part.text]);
const links = (text: string) => textParts(text).filter((part) => part.kind === 'link');

describe('the parts of a text', () => {
  it.each<[string, [string, string][]]>([
    ['hello', [['text', 'hello']]],
    [
      'see https://example.org/a?b=1#c, or not',
      [
        ['text', 'see '],
        ['link', 'https://example.org/a?b=1#c'],
        ['text', ', or not'],
      ],
    ],
    [
      '(https://example.org)',
      [
        ['text', '('],
        ['link', 'https://example.org'],
        ['text', ')'],
      ],
    ],
    ['https://en.wikipedia.org/wiki/A_(b)', [['link', 'https://en.wikipedia.org/wiki/A_(b)']]],
    [
      'mailto:ann@example.org!',
      [
        ['link', 'mailto:ann@example.org'],
        ['text', '!'],
      ],
    ],
    [
      'use `a < b` here',
      [
        ['text', 'use '],
        ['code', 'a < b'],
        ['text', ' here'],
      ],
    ],
    ['```js\nlet a = `x`;\n```', [['block', 'let a = `x`;']]],
    [
      'a\n```\n<b>\n```\nb',
      [
        ['text', 'a\n'],
        ['block', '<b>'],
        ['text', '\nb'],
      ],
    ],
    [
      '@alice and a@b.org',
      [
        ['mention', '@alice'],
        ['text', ' and a@b.org'],
      ],
    ],
    ['`https://example.org`', [['code', 'https://example.org']]],
    ['an open ` sign', [['text', 'an open ` sign']]],
  ])('%s', (text, expected) => expect(kinds(text)).toEqual(expected));

  it('loses nothing but the signs around code', () => {
    const text = 'a https://example.org/x. b @carol c';
    expect(
      textParts(text)
        .map((part) => part.text)
        .join(''),
    ).toBe(text);
  });
});

/** What people who mean harm write. */
const hostile = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  'javascript:alert(1)',
  'JaVaScRiPt:alert(1)',
  'java\nscript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  'vbscript:msgbox(1)',
  'file:///etc/passwd',
  'blob:https://example.org/1',
  'https://user:pass@example.org/',
  'https://bank.example@evil.example/',
  'https://',
  'http://[',
  'mailto:',
  '"><svg onload=alert(1)>',
  'https:javascript:alert(1)',
  ' javascript:alert(1)',
  '&#106;avascript:alert(1)',
  '\u202ehttps://moc.elpmaxe\u202c',
  'https://exa\u200bmple.org',
];

describe('hostile texts', () => {
  it.each(hostile)('%j leads nowhere but where it says', (text) => {
    for (const part of textParts(text)) {
      if (part.kind !== 'link') continue;
      expect(part.href).toMatch(/^(https?:\/\/|mailto:)/);
      expect(part.text).not.toMatch(/[\p{Cc}\p{Cf}\s<>"'@]/u);
      expect(new URL(part.href).username).toBe('');
    }
  });

  it('are never links', () => {
    for (const text of hostile.slice(0, 17)) expect(links(text), text).toEqual([]);
  });

  it('of an address with a hidden sign only what is seen is a link', () => {
    expect(links('https://example.org/\u202egpj.exe')).toMatchObject([{ href: 'https://example.org/' }]);
  });

  it('with lookalikes say how the network spells them', () => {
    // The first letter is Cyrillic.
    expect(links('https://аpple.com/login')).toMatchObject([{ host: 'xn--pple-43d.com' }]);
    expect(links('https://xn--pple-43d.com/')).toMatchObject([{ host: 'xn--pple-43d.com' }]);
    expect(links('https://Example.org:443/')[0]).not.toHaveProperty('host');
  });

  it('take no longer for being long', () => {
    for (const piece of ['`', '```', 'https://a', '@a', '(((', 'mailto:', '\u200d']) {
      const started = performance.now();
      textParts(piece.repeat(16_384 / piece.length));
      expect(performance.now() - started, piece).toBeLessThan(1000);
    }
  });

  it.each([
    ['https://example.org', 'https://example.org/'],
    ['ftp://example.org', undefined],
    ['//example.org', undefined],
  ])('safeHref(%s)', (text, expected) => expect(safeHref(text)).toBe(expected));
});

it('knows an emoji', () => {
  for (const emoji of [...quickEmoji, '👨‍👩‍👧‍👦', '🇨🇿', '👍🏽']) expect(isEmoji(emoji), emoji).toBe(true);
  for (const not of ['a', '1', '', '👍👍', '👍 ', '<b>', '\u200d']) expect(isEmoji(not), not).toBe(false);
  expect([isEmojiOnly('😀 😀'), isEmojiOnly('😀!'), isEmojiOnly('😀'.repeat(7)), isEmojiOnly('12')]).toEqual([
    true,
    false,
    false,
    false,
  ]);
});

it.each([
  ['https://causeway.example/#join/ABCD', 'ABCD'],
  ['https://causeway.example/#join/', undefined],
  ['https://causeway.example/other#join/ABCD', undefined],
  ['https://elsewhere.example/#join/ABCD', undefined],
  ['mailto:a@causeway.example', undefined],
])('%s joins a group here: %s', (href, code) => expect(joinCodeOf(href, 'https://causeway.example')).toBe(code));
