/** Reads a ZIP of stored (not compressed) entries by its central directory. APPNOTE.TXT 4.3.12, 4.3.16; without Zip64. */
import { readFile } from 'node:fs/promises';

export interface ZipEntry {
  /** As it stands in the archive; a folder ends with `/`. */
  name: string;
  data: Buffer;
  /** Local time, to 2 seconds. */
  modifiedAt: number;
}

export async function readZip(path: string): Promise<ZipEntry[]> {
  const zip = await readFile(path);
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  const entries: ZipEntry[] = [];
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    if (zip.readUInt32LE(at) !== 0x02014b50) throw new Error(`no central directory entry at ${at}`);
    if (zip.readUInt16LE(at + 10) !== 0) throw new Error('a compressed entry');
    const sizeBytes = zip.readUInt32LE(at + 24);
    const nameBytes = zip.readUInt16LE(at + 28);
    const local = zip.readUInt32LE(at + 42);
    const from = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    entries.push({
      name: zip.toString('utf8', at + 46, at + 46 + nameBytes),
      data: zip.subarray(from, from + sizeBytes),
      modifiedAt: dosTime(zip.readUInt16LE(at + 12), zip.readUInt16LE(at + 14)),
    });
    at += 46 + nameBytes + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return entries;
}

const dosTime = (time: number, date: number): number =>
  new Date(
    1980 + (date >> 9),
    ((date >> 5) & 15) - 1,
    date & 31,
    time >> 11,
    (time >> 5) & 63,
    (time & 31) * 2,
  ).getTime();
