/** A disk of its own for one browser profile, in memory: it can be filled to the brim and emptied again. Needs root. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, rmSync, statfsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MiB = 1024 * 1024;

export class SmallDisk {
  private constructor(readonly folder: string) {}

  static available(): boolean {
    return process.getuid?.() === 0;
  }

  static create(sizeMiB: number): SmallDisk {
    const folder = mkdtempSync(join(tmpdir(), 'causeway-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMiB}m`, 'tmpfs', folder]);
    return new SmallDisk(folder);
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.folder);
    return bavail * bsize;
  }

  /** Something else takes all the room but this. */
  async fill(leaveBytes: number): Promise<void> {
    const ballast = await open(join(this.folder, 'ballast'), 'w');
    const piece = Buffer.alloc(MiB);
    for (let left = this.freeBytes - leaveBytes; left >= MiB; left -= MiB) await ballast.write(piece);
    await ballast.close();
  }

  makeRoom(): void {
    rmSync(join(this.folder, 'ballast'));
  }

  remove(): void {
    execFileSync('umount', ['-l', this.folder]);
    rmdirSync(this.folder);
  }
}
