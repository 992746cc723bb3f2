/** Export and import of one conversation: collects, writes, hands to the browser's downloads; takes back what verifies. Loaded when asked for. */
import { makeZip } from 'client-zip';
import type { Causeway, Imported } from '../../../engine/causeway.ts';
import { fileKey } from '../../../engine/exchange/offer.ts';
import { SinkError, SourceError } from '../../../engine/ports.ts';
import { fromBase64, toUtf8, type Bytes } from '../../../protocol/bytes.ts';
import type { ConversationId, OfferId } from '../../../protocol/ids.ts';
import { fileName } from '../../../protocol/names.ts';
import { archiveBytes, archiveText, parseArchive } from '../archive/archive-format.ts';
import { archivePage } from '../archive/archive-page.ts';
import { collect } from '../archive/collect.ts';
import { UniqueNames } from '../bundle/unique-names.ts';
import type { BlobStore } from '../platform/blob-store.ts';
import type { DeviceBlobs } from '../platform/device-blobs.ts';
import { saveAs } from '../platform/save.ts';
import type { ImportOutcome } from './actions.ts';
import type { Talk } from './talk.ts';
import type { ActionError } from './view.ts';

/** Parts of a text are joined up to about this size before the browser gets them. */
const chunkUnits = 1024 * 1024;
const entriesAtATime = 256;

export async function exportJson(engine: Causeway, talk: Talk): Promise<void> {
  const { head, messages, entries } = await collect(engine, talk, Date.now(), () => undefined);
  saveAs(await blobOf(archiveText(head, messages, entries)), `${nameOf(talk)}.json`);
}

/**
 * The page, the JSON, and files: received ones that are on this device, and sent ones that can still be read. Folders are left to the conversation
 * itself, which saves them as a ZIP.
 */
export async function exportPage(engine: Causeway, talk: Talk, store: BlobStore, blobs: DeviceBlobs): Promise<void> {
  const names = new UniqueNames();
  const readable = await readableFiles(engine, talk, store, blobs);
  const files: { path: string; input: Blob }[] = [];
  const pathOf = (offer: OfferId, file: number, name: string): string | undefined => {
    const input = readable.get(fileKey(offer, file));
    if (!input) return undefined;
    const path = `files/${names.take(name)}`;
    files.push({ path, input });
    return path;
  };
  const { head, me, messages, entries } = await collect(engine, talk, Date.now(), pathOf);
  const page = await blobOf(archivePage(head, me, messages, sha256));
  const json = await blobOf(archiveText(head, messages, entries));
  function* parts() {
    yield { name: 'index.html', input: page };
    yield { name: 'conversation.json', input: json };
    for (const { path, input } of files) yield { name: path, input };
  }
  // The browser keeps a large body on disk as it comes.
  saveAs(await new Response(makeZip(parts(), { buffersAreUTF8: true })).blob(), `${nameOf(talk)}.zip`);
}

/** By `fileKey`; nothing is read of them yet. */
async function readableFiles(
  engine: Causeway,
  { conversation, earlier }: Talk,
  store: BlobStore,
  blobs: DeviceBlobs,
): Promise<Map<string, Blob>> {
  const found = new Map<string, Blob>();
  for (const record of engine.transfers.all()) {
    if (record.conversation !== conversation && !earlier.includes(record.conversation)) continue;
    const { offer, offered } = record;
    for (const [file, { size, modifiedAt, bundle }] of offered?.files.entries() ?? []) {
      if (bundle) continue;
      const blob =
        offered?.device === engine.device
          ? await orNothing(blobs.ownFile(offer, file, { size, modifiedAt }))
          : engine.transfers.kept.isHere(offer, file) && (await orNothing(store.finished({ offer, file })));
      if (blob) found.set(fileKey(offer, file), blob);
    }
  }
  return found;
}

/** A file that the browser removed, or that was moved, is left out of the export, as one that was never there. */
const orNothing = (file: Promise<File | undefined>): Promise<File | undefined> =>
  file.catch((problem: unknown) => {
    if (problem instanceof SinkError || problem instanceof SourceError) return undefined;
    throw problem;
  });

/** Takes the signed entries of a file into the conversation that they are of. Nothing else of the file is believed. */
export async function importFile(
  engine: Causeway,
  talk: Talk,
  file: File,
): Promise<ImportOutcome | { error: ActionError }> {
  if (file.size > archiveBytes) return { error: { code: 'archive-too-large' } };
  const read = parseArchive(await file.text());
  if (read.kind !== 'ok') return { error: { code: read.kind === 'too-large' ? 'archive-too-large' : read.kind } };
  const known = new Set<ConversationId>([...talk.earlier, talk.conversation]);
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

const nameOf = ({ person, group }: Talk): string =>
  fileName(`Causeway ${person?.handle ?? group?.face?.name ?? ''} ${new Date().toISOString().slice(0, 10)}`);

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
