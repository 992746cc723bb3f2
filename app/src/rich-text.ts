/**
 * What is in the text of a message: plain words, code, links, mentions. Nothing of it ever becomes markup by itself; components draw each
 * part as text. Every pattern is linear, and a text is at most 16 KiB.
 */
export type TextPart =
  | { kind: 'text'; text: string }
  | { kind: 'code'; text: string }
  | { kind: 'block'; text: string }
  | { kind: 'mention'; text: string }
  /** `host` is there when the name that is shown may look like another one: it is how the network spells it. */
  | { kind: 'link'; text: string; href: string; host?: string };

const block = /```(?:[\w+#.-]{0,20}\n)?([\s\S]*?)```/g;
const code = /`([^`\n]+)`/g;
// No control and no format characters: what turns the direction of a text, or is not seen, is no part of an address.
const link = /(?<![\p{L}\p{N}:])(?:https?:\/\/|mailto:)[^\s<>"'`\p{Cc}\p{Cf}]+/giu;
const mention = /(?<![\p{L}\p{N}_@./-])@[a-z0-9][a-z0-9._-]{1,30}[a-z0-9]/giu;
const trailing = /[.,;:!?»”’…]+$/u;

export function textParts(text: string): TextPart[] {
  return split(
    text.trimEnd(),
    block,
    ([, inside = '']) => ({ kind: 'block', text: inside.replace(/\n$/, '') }),
    (outer) =>
      split(
        outer,
        code,
        ([, inside = '']) => ({ kind: 'code', text: inside }),
        (words) =>
          split(
            words,
            link,
            ([found]) => linkPart(found),
            (rest) =>
              split(
                rest,
                mention,
                ([found]) => ({ kind: 'mention', text: found }),
                (plain) => [{ kind: 'text', text: plain }],
              ),
          ),
      ),
  );
}

/** Handles that a text names by `@`, lower case, in its order. */
export const mentionedHandles = (text: string): string[] =>
  text.includes('@')
    ? textParts(text).flatMap((part) => (part.kind === 'mention' ? [part.text.slice(1).toLowerCase()] : []))
    : [];

/** The code in a link by which one joins a group at this server, so that it opens here. */
export function joinCodeOf(href: string, origin: string): string | undefined {
  if (!URL.canParse(href)) return undefined;
  const url = new URL(href);
  return url.origin === origin && url.pathname === '/' ? /^#join\/(.+)$/.exec(url.hash)?.[1] : undefined;
}

/** Cuts `text` at the matches of `pattern`; what lies between goes through `between`. A match that is no part after all is text. */
function split(
  text: string,
  pattern: RegExp,
  part: (match: RegExpMatchArray) => TextPart | undefined,
  between: (text: string) => TextPart[],
): TextPart[] {
  const parts: TextPart[] = [];
  let from = 0;
  for (const match of text.matchAll(pattern)) {
    const made = part(match);
    if (!made) continue;
    // A link may end before its match does.
    const length = made.kind === 'link' ? made.text.length : match[0].length;
    if (match.index > from) parts.push(...between(text.slice(from, match.index)));
    parts.push(made);
    from = match.index + length;
  }
  if (from < text.length) parts.push(...between(text.slice(from)));
  return parts;
}

function linkPart(found: string): TextPart | undefined {
  let text = found.replace(trailing, '');
  // A bracket that was not opened within belongs to the sentence.
  while (/[)\]}]$/.test(text) && !balanced(text)) text = text.slice(0, -1).replace(trailing, '');
  const href = safeHref(text);
  if (href === undefined) return undefined;
  const host = spelledHost(text, href);
  return { kind: 'link', text, href, ...(host === undefined ? {} : { host }) };
}

const pairs: Record<string, string> = { ')': '(', ']': '[', '}': '{' };
function balanced(text: string): boolean {
  const close = text.at(-1) ?? '';
  const count = (sign: string | undefined) => text.split(sign ?? '').length;
  return count(close) <= count(pairs[close]);
}

/** Only addresses of the web and of mail are followed, and none that hides another host before an @. */
export function safeHref(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, username, password, hostname, href } = new URL(text);
  if (protocol === 'mailto:') return href.length > 'mailto:'.length ? href : undefined;
  if (protocol !== 'http:' && protocol !== 'https:') return undefined;
  return username || password || !hostname ? undefined : href;
}

/** The host as the network spells it, where the text spells it otherwise: other scripts, lookalikes. */
function spelledHost(text: string, href: string): string | undefined {
  if (href.startsWith('mailto:')) return undefined;
  const { host } = new URL(href);
  const written = /^https?:\/\/([^/?#]*)/i
    .exec(text)?.[1]
    ?.toLowerCase()
    .replace(/:(?:80|443)$/, '');
  const plainly = written === host && !host.includes('xn--');
  return plainly ? undefined : host;
}
