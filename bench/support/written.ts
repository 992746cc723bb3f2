/** Many messages of a person at once: signed with the keys of their device, and put where its feed store has what it wrote. */
import { createHash, randomBytes } from 'node:crypto';
import type { Page } from '@playwright/test';
import { concatBytes, fromBase64, toBase64, type Bytes } from '../../protocol/bytes.ts';
import { encodeCbor } from '../../protocol/codec.ts';
import { signedBytes } from '../../protocol/domains.ts';

/** The feed of this device in the one conversation that it has written into. Bytes are base64url. */
interface Head {
  database: string;
  conversation: string;
  device: string;
  length: number;
  hash: string;
  lamport: number;
}

const together = 2_000;
const sha256 = (data: Uint8Array): Bytes => new Uint8Array(createHash('sha256').update(data).digest());

/** The page shows them after it is loaded again. Gives the new length of the feed. */
export async function writeMessages(page: Page, count: number, textOf: (number: number) => string): Promise<Head> {
  let head = await page.evaluate(readHead);
  for (let from = 0; from < count; from += together) {
    const drafts = Array.from({ length: Math.min(together, count - from) }, (_, at) => {
      const draft = draftAfter(head, textOf(from + at));
      head = draft.head;
      return draft;
    });
    const signatures = await page.evaluate(sign, {
      database: head.database,
      messages: drafts.map(({ header }) => toBase64(signedBytes('causeway/entry/1', header))),
    });
    await page.evaluate(store, {
      head,
      entries: drafts.map(({ header, salt, payload, head: { length, hash, lamport } }, at) => ({
        sequence: length - 1,
        hash,
        lamport,
        wire: toBase64(encodeCbor([header, fromBase64(signatures[at] ?? ''), salt, payload])),
      })),
    });
  }
  return head;
}

function draftAfter(head: Head, text: string): { header: Bytes; salt: Bytes; payload: Bytes; head: Head } {
  const payload = encodeCbor({ kind: 'text', text });
  const salt = new Uint8Array(randomBytes(16));
  const lamport = head.lamport + 1;
  const header = encodeCbor({
    version: 1,
    conversation: head.conversation,
    device: head.device,
    sequence: head.length,
    previous: fromBase64(head.hash),
    heads: [],
    lamport,
    wall: Date.now(),
    key: 0,
    payloadHash: sha256(concatBytes(salt, payload)),
    payloadSize: payload.length,
  });
  return { header, salt, payload, head: { ...head, length: head.length + 1, hash: toBase64(sha256(header)), lamport } };
}

/** Runs in the page. */
async function readHead(): Promise<Head> {
  const database = (await indexedDB.databases()).find(({ name }) => name?.startsWith('causeway-'))?.name ?? '';
  const db = await new Promise<IDBDatabase>((resolve) => {
    const request = indexedDB.open(database);
    request.onsuccess = () => resolve(request.result);
  });
  const answer = <T>(request: IDBRequest): Promise<T> =>
    new Promise((resolve) => (request.onsuccess = () => resolve(request.result as T)));
  const tx = db.transaction(['identity', 'heads']);
  const { device } = await answer<{ device: { id: string } }>(tx.objectStore('identity').get('self'));
  const heads = await answer<
    { conversation: string; device: string; length: number; hash: Uint8Array; lamport: number }[]
  >(tx.objectStore('heads').getAll());
  db.close();
  const own = heads.find((one) => one.device === device.id);
  if (!own) throw new Error('this device has not written yet');
  const hash = btoa(String.fromCharCode(...own.hash))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
  return {
    database,
    conversation: own.conversation,
    device: own.device,
    length: own.length,
    hash,
    lamport: own.lamport,
  };
}

/** Runs in the page. */
async function sign({ database, messages }: { database: string; messages: string[] }): Promise<string[]> {
  const db = await new Promise<IDBDatabase>((resolve) => {
    const request = indexedDB.open(database);
    request.onsuccess = () => resolve(request.result);
  });
  const identity = await new Promise<{ keys: { sign: CryptoKeyPair } }>((resolve) => {
    const request = db.transaction('identity').objectStore('identity').get('self') as IDBRequest<{
      keys: { sign: CryptoKeyPair };
    }>;
    request.onsuccess = () => resolve(request.result);
  });
  db.close();
  return Promise.all(
    messages.map(async (message) => {
      const bytes = Uint8Array.from(atob(message.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
      const signature = new Uint8Array(await crypto.subtle.sign('Ed25519', identity.keys.sign.privateKey, bytes));
      return btoa(String.fromCharCode(...signature))
        .replaceAll('+', '-')
        .replaceAll('/', '_')
        .replaceAll('=', '');
    }),
  );
}

/** Runs in the page. */
async function store({
  head,
  entries,
}: {
  head: Head;
  entries: { sequence: number; hash: string; lamport: number; wire: string }[];
}): Promise<void> {
  const bytes = (text: string): Uint8Array<ArrayBuffer> =>
    Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
  const db = await new Promise<IDBDatabase>((resolve) => {
    const request = indexedDB.open(head.database);
    request.onsuccess = () => resolve(request.result);
  });
  const tx = db.transaction(['entries', 'heads'], 'readwrite');
  const { conversation, device, length, lamport } = head;
  for (const { hash, wire, ...place } of entries)
    tx.objectStore('entries').put({
      ...place,
      conversation,
      device,
      wall: Date.now(),
      clamped: false,
      wire: bytes(wire),
      hash: bytes(hash),
    });
  tx.objectStore('heads').put({ conversation, device, length, hash: bytes(head.hash), lamport });
  await new Promise((resolve) => (tx.oncomplete = resolve));
  db.close();
}
