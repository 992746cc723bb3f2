/**
 * Names: handles, and the one way that a name from a peer takes before it is shown (`shownName`) or touches a file system
 * (`fileName`), invariant 7. Sources: Unicode UAX #9 (Bidi_Control), UAX #31, Microsoft "Naming Files, Paths, and Namespaces".
 */
import * as v from 'valibot';
import { toUtf8 } from './bytes.ts';
import { limits } from './limits.ts';

/** 3 to 32 of a-z 0-9 _ . - with at least one letter or digit; capitals are lowered first. */
export const Handle = v.pipe(
  v.string(),
  v.maxLength(limits.handleMaxLength),
  v.toLowerCase(),
  v.minLength(limits.handleMinLength),
  v.regex(/^[a-z0-9_.-]*$/),
  v.regex(/[a-z0-9]/),
  v.brand('Handle'),
);
export type Handle = v.InferOutput<typeof Handle>;

/** Two handles with the same fold look alike; only one of them can be registered: 0/o, 1/l/i and the separators are one. */
export function foldHandle(handle: Handle): string {
  return handle.replace(/[_.-]/g, '').replace(/0/g, 'o').replace(/[1i]/g, 'l');
}

/** C0 and C1 controls, all 12 Bidi_Control, zero-width and invisible formatting, line and paragraph separators, tags, lone surrogates. */
const invisible =
  // eslint-disable-next-line no-control-regex, no-misleading-character-class -- neutralising such characters is what this is for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\uffff\u{e0000}-\u{e0fff}]|\p{Cs}/gu;

/** A joiner that joins nothing: only between two pictures does it make one of them (a family, a flag), and is seen by that. */
const looseJoiner =
  /(?<!\p{Extended_Pictographic}\ufe0f?|\p{Emoji_Modifier})\u200d|\u200d(?!\p{Extended_Pictographic})/gu;

/** A name or title as it may be shown: NFC, one line, nothing invisible, at most `maxLength` UTF-16 units. May come back empty. */
export function shownName(raw: string, maxLength: number = limits.fileNameBytes): string {
  const cleaned = raw
    .slice(0, 4 * maxLength)
    .replace(invisible, '')
    .replace(looseJoiner, '')
    .normalize('NFC')
    .replace(/\s+/gu, ' ')
    .trim();
  return cleaned.length <= maxLength
    ? cleaned
    : Array.from(cleaned.slice(0, maxLength))
        .filter((c) => !/\p{Cs}/u.test(c))
        .join('')
        .replace(/\u200d$/, '');
}

const reserved = /^(con|prn|aux|nul|conin\$|conout\$|clock\$|com[0-9¹²³]|lpt[0-9¹²³])$/i;

/**
 * One path segment that every file system takes: no separators, no alternate streams, no reserved device names, no leading or trailing
 * dots and spaces that get lost, at most 255 bytes of UTF-8 with the extension kept. Never empty, never `.` or `..`.
 */
export function fileName(raw: string): string {
  let name = withoutLostEnd(
    shownName(raw.slice(0, 1024), 1024)
      .replace(/\u200d/g, '')
      .replace(/[/\\:*?"<>|\u2044\u2215\u29f8\uff0f\uff3c]/g, '_'),
  ).replace(/^ +/g, '');
  if (/^\.*$/.test(name)) name = 'file';
  const stem = name.split('.', 1)[0] ?? '';
  if (reserved.test(stem.trim())) name = `_${name}`;
  return fitBytes(name, limits.fileNameBytes);
}

function fitBytes(name: string, maxBytes: number): string {
  if (toUtf8(name).length <= maxBytes) return name;
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 && name.length - dot <= 16 ? name.slice(dot) : '';
  const stem = cutToBytes(name.slice(0, name.length - extension.length), maxBytes - toUtf8(extension).length);
  return withoutLostEnd(stem) + extension;
}

/** Without the dots and spaces at the end. A pattern would try them all anew from each: quadratic for a name of dots. */
function withoutLostEnd(name: string): string {
  let end = name.length;
  while (end > 0 && (name[end - 1] === '.' || name[end - 1] === ' ')) end--;
  return name.slice(0, end);
}

/** As many whole characters from the beginning as fit into `maxBytes` of UTF-8. */
export function cutToBytes(name: string, maxBytes: number): string {
  let used = 0;
  let end = 0;
  for (const character of name) {
    const point = character.codePointAt(0) ?? 0;
    used += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    if (used > maxBytes) break;
    end += character.length;
  }
  return name.slice(0, end);
}
