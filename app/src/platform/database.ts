/**
 * IndexedDB. One small database names who is logged in on this browser; one database per account holds its device keys, feeds and records, so
 * that two accounts of one browser never mix. Everything that counts is written with strict durability.
 */
import { openDB, deleteDB, type DBSchema, type IDBPDatabase } from 'idb';
import type { StoredEntry } from '../../../engine/ports.ts';
import type { Bytes } from '../../../protocol/bytes.ts';
import type { AccountId, ConversationId, DeviceId } from '../../../protocol/ids.ts';
import type { OwnAccount } from '../../../protocol/http.ts';
import type { Device } from '../../../protocol/people.ts';
import type { DeviceKeyPairs } from '../../../keys/web-crypto.ts';
import type { KeepSettings } from '../kept/keep-rule.ts';
import type { TransferSettings } from '../state/transfer-settings.ts';
import type { Theme } from '../state/view.ts';
import { markHere } from './was-here.ts';

/** What this browser knows of itself, whoever is logged in. */
interface BrowserSchema extends DBSchema {
  settings: { key: string; value: unknown };
}
export interface BrowserSettings {
  /** The account whose engine runs here; absent when nobody is logged in. */
  current: AccountId;
  theme: Theme;
  transfers: TransferSettings;
  keep: KeepSettings;
  /** Emoji that were chosen last, the newest first. */
  emoji: string[];
  /** Who is logged in without this browser being a device of the account yet. */
  visiting: OwnAccount;
  /** Everything is being removed from this browser; begun and not done yet. */
  erasing: true;
  /** Keys of a registration or a new device that the server may already have, until they are an identity. */
  pending: { device: Device; pairs: DeviceKeyPairs; code?: string };
}

/** This device as an account's device. */
export interface Identity {
  account: OwnAccount;
  device: Device;
  keys: DeviceKeyPairs;
  /** Shown until the person says that it is kept. */
  recoveryCode?: string;
}

export interface AccountSchema extends DBSchema {
  identity: { key: 'self'; value: Identity };
  entries: {
    key: [ConversationId, DeviceId, number];
    value: StoredEntry;
    indexes: { order: [ConversationId, number, DeviceId, number] };
  };
  heads: {
    key: [ConversationId, DeviceId];
    value: { conversation: ConversationId; device: DeviceId; length: number; hash: Bytes; lamport: number };
  };
  /** Small records, keyed by [table, key]. */
  records: { key: [string, string]; value: { table: string; key: string; record: unknown } };
  /** Handles of files and folders that the browser gave, keyed by offer and index. */
  handles: { key: string; value: FileSystemFileHandle | FileSystemDirectoryHandle };
}
export type AccountDatabase = IDBPDatabase<AccountSchema>;

export const strict = { durability: 'strict' } as const;

export const browserDatabase = 'causeway';

const browser = (): Promise<IDBPDatabase<BrowserSchema>> =>
  openDB<BrowserSchema>(browserDatabase, 1, { upgrade: (db) => void db.createObjectStore('settings') });

export async function readSetting<Key extends keyof BrowserSettings>(
  key: Key,
): Promise<BrowserSettings[Key] | undefined> {
  const db = await browser();
  try {
    return (await db.get('settings', key)) as BrowserSettings[Key] | undefined;
  } finally {
    db.close();
  }
}

/** Removes the setting when `value` is undefined. Who is logged in is marked outside the database too (`was-here.ts`). */
export async function writeSetting<Key extends keyof BrowserSettings>(
  key: Key,
  value: BrowserSettings[Key] | undefined,
): Promise<void> {
  const db = await browser();
  try {
    const tx = db.transaction('settings', 'readwrite', strict);
    await Promise.all([value === undefined ? tx.store.delete(key) : tx.store.put(value, key), tx.done]);
    if (key === 'current') markHere(value as AccountId | undefined);
  } finally {
    db.close();
  }
}

const prefix = 'causeway-';
const nameOf = (account: AccountId): string => `${prefix}${account}`;

/** Accounts with a database in this browser. */
export const accountsHere = async (): Promise<AccountId[]> =>
  (await indexedDB.databases()).flatMap(({ name = '' }) =>
    name.startsWith(prefix) ? [name.slice(prefix.length) as AccountId] : [],
  );

export function openAccount(account: AccountId, onBlocking: () => void): Promise<AccountDatabase> {
  return openDB<AccountSchema>(nameOf(account), 1, {
    upgrade(db) {
      db.createObjectStore('identity');
      const entries = db.createObjectStore('entries', { keyPath: ['conversation', 'device', 'sequence'] });
      entries.createIndex('order', ['conversation', 'lamport', 'device', 'sequence']);
      db.createObjectStore('heads', { keyPath: ['conversation', 'device'] });
      db.createObjectStore('records', { keyPath: ['table', 'key'] });
      db.createObjectStore('handles');
    },
    // Another tab wants a newer version or to delete the database: this one must let go.
    blocking: onBlocking,
  });
}

export const deleteAccount = (account: AccountId): Promise<void> => deleteDB(nameOf(account));

/** Whether this browser has keys of the account. */
export async function readIdentity(account: AccountId): Promise<Identity | undefined> {
  if (!(await accountsHere()).includes(account)) return undefined;
  const db = await openAccount(account, () => undefined);
  try {
    return await db.get('identity', 'self');
  } finally {
    db.close();
  }
}

/** Writes, reads back and returns what is really there, so that keys which a browser loses are noticed before they are registered. */
export async function writeIdentity(identity: Identity): Promise<Identity> {
  const db = await openAccount(identity.account.id, () => undefined);
  try {
    const tx = db.transaction('identity', 'readwrite', strict);
    await Promise.all([tx.store.put(identity, 'self'), tx.done]);
    const kept = await db.get('identity', 'self');
    if (!kept) throw new Error('the identity was not kept by IndexedDB');
    return kept;
  } finally {
    db.close();
  }
}
