/**
 * Names of one folder as they are shown and saved: each went through `fileName` (invariant 7), and no two are the same to a file system that
 * ignores case and composition. A clash becomes `name (1).ext`.
 */
import { toUtf8 } from '../../../protocol/bytes.ts';
import { limits } from '../../../protocol/limits.ts';
import { cutToBytes, fileName } from '../../../protocol/names.ts';

/** Room for " (250000)". */
const numberBytes = 9;
const longestExtension = 16;

/** What a case-insensitive file system holds for the same name: capitals first, so that ß and SS are one. */
const folded = (name: string): string => name.normalize('NFC').toUpperCase().toLowerCase().normalize('NFC');

export class UniqueNames {
  readonly #taken = new Set<string>();
  /** The number to try next, by what the number is added to: many clashes of one name cost one try each. */
  readonly #next = new Map<string, number>();

  /** @param taken names that are there already, as the file system has them. */
  constructor(taken: Iterable<string> = []) {
    for (const name of taken) this.#taken.add(folded(name));
  }

  /** @param raw a name of a peer; comes back cleaned and like no other of this folder. */
  take(raw: string): string {
    let name = fileName(raw);
    if (this.#taken.has(folded(name))) {
      const { stem, extension } = numberable(name);
      const key = folded(stem + extension);
      let number = this.#next.get(key) ?? 1;
      do name = `${stem} (${number++})${extension}`;
      while (this.#taken.has(folded(name)));
      this.#next.set(key, number);
    }
    this.#taken.add(folded(name));
    return name;
  }
}

/** Stem and extension, the stem cut so that a number still fits. */
function numberable(name: string): { stem: string; extension: string } {
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 && name.length - dot <= longestExtension ? name.slice(dot) : '';
  const budget = limits.fileNameBytes - numberBytes - toUtf8(extension).length;
  const stem = cutToBytes(name.slice(0, name.length - extension.length), budget).trimEnd();
  return { stem, extension };
}
