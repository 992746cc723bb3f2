/**
 * The file of the embedded store, as a lowdb adapter: one record a line, replaced as a whole, so that at any moment the name refers to one
 * complete state. Temporary file, fsync, the last good file linked to `.bak`, rename, fsync of the folder; only then is a write done.
 *
 *     causeway-store 1
 *     account {"id":…}
 *     session {"hash":…}
 *     end 2 <SHA-256 of everything before this line, hex>
 *
 * Lines of records that did not change come from a cache, so a write costs the disk its bytes and the processor little.
 */
import { createHash } from 'node:crypto';
import { copyFile, link, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Adapter } from 'lowdb';
import * as v from 'valibot';
import { StoreOpenError } from './store.ts';
import { schemas, tableNames, type AnyRecord, type TableName } from './tables.ts';

export type Row = readonly [TableName, AnyRecord];

/** Where a write is; tests kill the process or fail the disk at each. */
export const writeSteps = [
  'begin',
  'opened',
  'part',
  'written',
  'synced',
  'backup-linked',
  'backup-renamed',
  'renamed',
  'done',
] as const;
export type WriteStep = (typeof writeSteps)[number];

const head = 'causeway-store 1';
const chunkBytes = 1024 * 1024;

export class DurableFile implements Adapter<Iterable<Row>> {
  readonly #path: string;
  readonly #onStep: (step: WriteStep) => void;
  readonly #lines = new WeakMap<AnyRecord, Buffer>();
  /** Size of the file as last read or written. */
  bytes = 0;

  constructor(path: string, onStep: (step: WriteStep) => void = () => undefined) {
    this.#path = path;
    this.#onStep = onStep;
  }

  /** @returns null when there is no store yet. @throws StoreOpenError for a file that is not whole. */
  async read(): Promise<Row[] | null> {
    await rm(`${this.#path}.tmp`, { force: true });
    await rm(`${this.#path}.bak.tmp`, { force: true });
    let bytes: Buffer;
    try {
      bytes = await readFile(this.#path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      if (await exists(`${this.#path}.bak`))
        throw new StoreOpenError(`${this.#path} is missing, but its backup is there. ${this.#remedy()}`);
      return null;
    }
    this.bytes = bytes.length;
    try {
      return parse(bytes);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new StoreOpenError(`${this.#path} is damaged (${why}). Nothing was changed. ${this.#remedy()}`);
    }
  }

  async write(rows: Iterable<Row>): Promise<void> {
    const temporary = `${this.#path}.tmp`;
    this.#onStep('begin');
    try {
      const size = await this.#writeTemporary(temporary, rows);
      await this.#keepBackup();
      await rename(temporary, this.#path);
      this.bytes = size;
      this.#onStep('renamed');
    } catch (error) {
      // Gives the space back; that this fails too must not hide the first error.
      await rm(temporary, { force: true }).catch(() => undefined);
      throw error;
    }
    await syncFolder(dirname(this.#path));
    this.#onStep('done');
  }

  async #writeTemporary(path: string, rows: Iterable<Row>): Promise<number> {
    const file = await open(path, 'w', 0o600);
    try {
      this.#onStep('opened');
      const hash = createHash('sha256');
      let size = 0;
      let count = 0;
      let waiting: Buffer[] = [Buffer.from(`${head}\n`)];
      let waitingBytes = waiting[0]?.length ?? 0;
      const flush = async () => {
        const chunk = Buffer.concat(waiting, waitingBytes);
        hash.update(chunk);
        await writeAll(file, chunk);
        size += chunk.length;
        waiting = [];
        waitingBytes = 0;
        this.#onStep('part');
      };
      for (const [table, record] of rows) {
        const line = this.#line(table, record);
        waiting.push(line);
        waitingBytes += line.length;
        count++;
        if (waitingBytes >= chunkBytes) await flush();
      }
      await flush();
      const end = Buffer.from(`end ${count} ${hash.digest('hex')}\n`);
      await writeAll(file, end);
      this.#onStep('written');
      await file.sync();
      this.#onStep('synced');
      return size + end.length;
    } finally {
      await file.close();
    }
  }

  /** A hard link costs nothing, and the file behind it never changes: writes always make a new one. */
  async #keepBackup(): Promise<void> {
    const fresh = `${this.#path}.bak.tmp`;
    await rm(fresh, { force: true });
    try {
      await link(this.#path, fresh);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ENOENT') return; // the first write ever
      if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EIO') throw error;
      await copyFile(this.#path, fresh); // a file system without hard links
    }
    this.#onStep('backup-linked');
    await rename(fresh, `${this.#path}.bak`);
    this.#onStep('backup-renamed');
  }

  #line(table: TableName, record: AnyRecord): Buffer {
    let line = this.#lines.get(record);
    if (!line) {
      line = Buffer.from(`${table} ${JSON.stringify(record)}\n`);
      this.#lines.set(record, line);
    }
    return line;
  }

  #remedy(): string {
    return `Stop the server, look at the disk, then put the last good file back: cp "${this.#path}.bak" "${this.#path}" (or a backup of your own), and start again.`;
  }
}

/** @throws Error whose message says what is wrong, without any content of the file. */
function parse(bytes: Buffer): Row[] {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const rows: Row[] = [];
  let start = 0;
  for (let number = 1; ; number++) {
    const end = bytes.indexOf(10, start);
    if (end < 0) throw new Error(`it ends in line ${number}, before its last line`);
    let line: string;
    try {
      line = decoder.decode(bytes.subarray(start, end));
    } catch {
      throw new Error(`line ${number} is not text`);
    }
    if (number === 1) {
      if (line !== head) throw new Error(`line 1 is not "${head}"; it may come from a newer version`);
    } else if (line.startsWith('end ')) {
      checkEnd(line, rows.length, bytes, start, end);
      return rows;
    } else {
      rows.push(parseRow(line, number));
    }
    start = end + 1;
  }
}

function checkEnd(line: string, count: number, bytes: Buffer, start: number, end: number): void {
  const [, stated, hash] = line.split(' ');
  if (stated !== String(count)) throw new Error(`it has ${count} records and says ${stated ?? 'nothing'}`);
  if (end + 1 !== bytes.length) throw new Error('something follows its last line');
  // Without a checksum it is taken as edited by hand on purpose.
  if (hash !== undefined && hash !== createHash('sha256').update(bytes.subarray(0, start)).digest('hex'))
    throw new Error('its checksum does not match');
}

function parseRow(line: string, number: number): Row {
  const space = line.indexOf(' ');
  const table = tableNames.find((name) => name === line.slice(0, space));
  if (!table) throw new Error(`line ${number} is of no known kind`);
  let value: unknown;
  try {
    value = JSON.parse(line.slice(space + 1));
  } catch {
    throw new Error(`line ${number} is not JSON`);
  }
  const checked = v.safeParse(schemas[table], value, { abortEarly: true });
  if (!checked.success)
    throw new Error(`line ${number} is not a valid ${table}: ${v.getDotPath(checked.issues[0]) ?? 'value'}`);
  return [table, checked.output];
}

async function writeAll(file: Awaited<ReturnType<typeof open>>, bytes: Buffer): Promise<void> {
  for (let offset = 0; offset < bytes.length;) offset += (await file.write(bytes, offset)).bytesWritten;
}

/** Makes a rename durable. Folders cannot be opened on Windows, where a rename is journalled by itself. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

export async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
