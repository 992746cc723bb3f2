/** A folder of many small files. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { workspace } from './workspace.ts';

/** Different contents, in folders of a hundred as people have them. @returns its path */
export function folderOf(name: string, count: number, fileBytes: number): string {
  const folder = join(workspace(), name);
  for (let i = 0; i < count; i++) {
    const inner = join(folder, `part-${Math.floor(i / 100)}`);
    if (i % 100 === 0) mkdirSync(inner, { recursive: true });
    writeFileSync(join(inner, `file-${i}.bin`), Buffer.alloc(fileBytes, `${i} `));
  }
  return folder;
}
