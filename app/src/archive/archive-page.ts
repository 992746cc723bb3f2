/**
 * An exported conversation as a page that any browser shows, without the app, the server or the network. Everything that came from people is
 * escaped, there is no script, and the policy in the page forbids what is not its own style.
 */
import { fileName, shownName } from '../../../protocol/names.ts';
import { fullMoment, size } from '../format.ts';
import { nameOf, sharedNames, text, withHandle } from '../text.ts';
import type { ArchivedFile, ArchivedMessage, ArchiveHead } from './archive-format.ts';

const style = `
:root{color-scheme:light dark;--line:#d5dde1;--soft:#55646c;--mine:#dcefef}
@media(prefers-color-scheme:dark){:root{--line:#303b41;--soft:#a5b2b9;--mine:#123a40}}
body{margin:0 auto;max-width:44rem;padding:1.5rem;font:1rem/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;overflow-wrap:anywhere}
header p,footer,time,.note{color:var(--soft);font-size:.875rem}
article{margin:.75rem 0;padding:.5rem .75rem;border:1px solid var(--line);border-radius:.75rem;overflow-wrap:anywhere}
article.mine{background:var(--mine)}
article p{margin:.25rem 0;white-space:pre-wrap}
blockquote{margin:.25rem 0;padding-inline-start:.75rem;border-inline-start:3px solid var(--line);color:var(--soft)}
`;

/** For text and for attributes in double quotes. */
export const escapeHtml = (raw: string): string =>
  raw.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const hrefOf = (path: string): string => path.split('/').map(encodeURIComponent).join('/');
const quoteUnits = 160;

/** @param sha256 of UTF-8 text, as base64 for a policy. */
export async function* archivePage(
  head: ArchiveHead,
  me: string,
  messages: readonly ArchivedMessage[],
  sha256: (text: string) => Promise<string>,
): AsyncGenerator<string> {
  const people = head.people.map((one) => ({ ...one, displayName: shownName(one.displayName) }));
  const shared = sharedNames(people);
  const names = new Map(
    people.map((one): [string, string] => [
      one.account,
      shared.has(nameOf(one)) ? withHandle(nameOf(one), one.handle) : nameOf(one),
    ]),
  );
  const byPlace = new Map(messages.map((message) => [placeOf(message, message), message]));
  const other = head.people.find(({ account }) => account !== me) ?? head.people[0];
  const words = text.archive.file;
  const title = escapeHtml(
    head.group === undefined ? words.title((other && names.get(other.account)) ?? '') : words.groupTitle(head.group),
  );
  yield `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${await sha256(style)}'; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<p>${escapeHtml(words.exported(fullMoment(head.exportedAt), messages.length))}</p>
</header>
<main>
`;
  for (const message of messages) yield article(message);
  yield `</main>\n<footer>${escapeHtml(words.proof)}</footer>\n</body>\n</html>\n`;

  function article(message: ArchivedMessage): string {
    const { author, at, reactions = [] } = message;
    const by = escapeHtml(names.get(author) ?? author);
    const moment = `<time datetime="${new Date(at).toISOString()}">${escapeHtml(fullMoment(at))}</time>`;
    const liked = reactions.map(({ by: account, emoji }) => `${emoji} ${names.get(account) ?? account}`).join(' · ');
    return `<article${author === me ? ' class="mine"' : ''}>
<strong><bdi>${by}</bdi></strong> ${moment}
${body(message)}${liked === '' ? '' : `<p class="note">${escapeHtml(liked)}</p>`}
</article>
`;
  }

  function body(message: ArchivedMessage): string {
    switch (message.kind) {
      case 'deleted':
        return `<p class="note">${escapeHtml(words.deleted)}</p>`;
      case 'files':
        return `<ul>${message.files.map(file).join('')}</ul>`;
      case 'text': {
        const edited = message.edited ? ` <span class="note">(${escapeHtml(words.edited)})</span>` : '';
        return `${quote(message)}<p dir="auto">${escapeHtml(message.text)}${edited}</p>`;
      }
    }
  }

  function quote(message: Extract<ArchivedMessage, { kind: 'text' }>): string {
    const answered = message.reply && byPlace.get(placeOf(message, message.reply));
    if (!message.reply) return '';
    const said = answered?.kind === 'text' ? answered.text.slice(0, quoteUnits) : words.notHere;
    return `<blockquote dir="auto">${escapeHtml(said)}</blockquote>`;
  }

  function file({ name, sizeBytes, path }: ArchivedFile): string {
    const shown = `<bdi>${escapeHtml(fileName(name))}</bdi>`;
    const link = path === undefined ? shown : `<a href="${escapeHtml(hrefOf(path))}" download>${shown}</a>`;
    return `<li>${link} <span class="note">${escapeHtml(size(sizeBytes))}${
      path === undefined ? `, ${escapeHtml(words.fileNotHere)}` : ''
    }</span></li>`;
  }
}

const placeOf = (
  { conversation }: { conversation: string },
  { device, sequence }: { device: string; sequence: number },
) => `${conversation}/${device}/${sequence}`;
