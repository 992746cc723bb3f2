/** Export and import of one conversation: collects, writes, hands to the browser's downloads; takes back what verifies. Loaded when asked for. */
import { makeZip } from 'client-zip';
import type { Causeway, Imported } from '../../../engine/causeway.ts';
import { standingOf } from '../../../engine/exchange/offer.ts';
import type { Person } from '../../../engine/people/people.ts';
import { fromBase64, toUtf8, type Bytes } from '../../../protocol/bytes.ts';
import type { ConversationId, OfferId } from '../../../protocol/ids.ts';
import { fileName } from '../../../protocol/names.ts';
import { archiveBytes, archiveText, parseArchive } from '../archive/archive-format.ts';
import { archivePage } from '../archive/archive-page.ts';
import { collect } from '../archive/collect.ts';
import { UniqueNames } from '../bundle/unique-names.ts';
import type { BlobStore } from '../platform/blob-store.ts';
import { saveAs } from '../platform/save.ts';
import type { ImportOutcome } from './actions.ts';
import type { ActionError } from './view.ts';

/** Parts of a text are joined up to about this size before the browser gets them. */
const chunkUnits = 1024 * 1024;
const entriesAtATime = 256;

export async function exportJson(engine: Causeway, person: Person): Promise<void> {
  const { head, messages, entries } = await collect(engine, person, Date.now(), () => undefined);
  saveAs(await blobOf(archiveText(head, messages, entries)), `${nameOf(person)}.json`);
}

/** The page, the JSON, and the received files that are on this device. Folders are left to the conversation itself, which saves them as a ZIP. */
export async function exportPage(engine: Causeway, person: Person, store: BlobStore): Promise<void> {
  const names = new UniqueNames();
  const files: { path: string; offer: OfferId; file: number }[] = [];
  const pathOf = (offer: OfferId, file: number, name: string): string | undefined => {
    const record = engine.transfers.get(offer);
    const offered = record?.offered?.files[file];
    if (!offered || record.offered?.mine || offered.bundle || standingOf(record, file) !== 'done') return undefined;
    const path = `files/${names.take(name)}`;
    files.push({ path, offer, file });
    return path;
  };
  const { head, me, messages, entries } = await collect(engine, person, Date.now(), pathOf);
  const page = await blobOf(archivePage(head, me, messages, sha256));
  const json = await blobOf(archiveText(head, messages, entries));
  async function* parts() {
    yield { name: 'index.html', input: page };
    yield { name: 'conversation.json', input: json };
    for (const { path, offer, file } of files) yield { name: path, input: await store.finished({ offer, file }) };
  }
  // The browser keeps a large body on disk as it comes.
  saveAs(await new Response(makeZip(parts(), { buffersAreUTF8: true })).blob(), `${nameOf(person)}.zip`);
}

/** Takes the signed entries of a file into the conversation that they are of. Nothing else of the file is believed. */
export async function importFile(
  engine: Causeway,
  person: Person,
  file: File,
): Promise<ImportOutcome | { error: ActionError }> {
  if (file.size > archiveBytes) return { error: { code: 'archive-too-large' } };
  const read = parseArchive(await file.text());
  if (read.kind !== 'ok') return { error: { code: read.kind === 'too-large' ? 'archive-too-large' : read.kind } };
  const known = new Set<ConversationId>([...person.earlier, person.conversation]);
  const { entries } = read.archive;
  const ours = entries.filter(({ conversation }) => known.has(conversation));
  if (ours.length === 0) return { error: { code: 'another-conversation' } };
  const outcome: ImportOutcome = { added: 0, leftOut: entries.length - ours.length };
  for (const conversation of known) {
    const wires = ours.flatMap((entry) => (entry.conversation === conversation ? [bytesOf(entry.wire)] : []));
    for (let from = 0; from < wires.length; from += entriesAtATime) {
      const batch: Imported = await engine.importEntries(conversation, wires.slice(from, from + entriesAtATime));
      outcome.added += batch.messages;
      outcome.leftOut += batch.leftOut;
    }
  }
  return outcome;
}

/** Text that is no base64url becomes an entry that does not verify. */
function bytesOf(text: string): Bytes {
  try {
    return fromBase64(text);
  } catch {
    return new Uint8Array(0);
  }
}

const nameOf = ({ handle }: Person): string => fileName(`Causeway ${handle} ${new Date().toISOString().slice(0, 10)}`);

async function sha256(text: string): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', toUtf8(text)));
  return btoa(String.fromCharCode(...hash));
}

async function blobOf(parts: Iterable<string> | AsyncIterable<string>): Promise<Blob> {
  const blobs: Blob[] = [];
  let text = '';
  for await (const part of parts) {
    text += part;
    if (text.length < chunkUnits) continue;
    blobs.push(new Blob([text]));
    text = '';
  }
  return new Blob([...blobs, text]);
}
