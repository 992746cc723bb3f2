/** Which people are offered while a mention is being written. Pure. */
import type { MemberFace } from './state/member-names.ts';

/** More are found by writing on. */
const offeredMax = 8;

/** The `@` and what follows it up to the cursor, when that may become a mention: it stands alone, and nothing in it breaks it off. */
export function beginningOfMention(text: string, cursor: number): { from: number; word: string } | undefined {
  const found = /(?<![\p{L}\p{N}_@./-])@([\p{L}\p{N}._-]{0,32})$/u.exec(text.slice(0, Math.max(0, cursor)));
  return found ? { from: found.index, word: (found[1] ?? '').toLowerCase() } : undefined;
}

/** Whose handle, or a word of whose name, begins so; handles first, each in the order of handles. */
export function matching(people: readonly MemberFace[], word: string): MemberFace[] {
  const byHandle = people.filter(({ handle }) => handle.toLowerCase().startsWith(word));
  const byName = people.filter(
    (face) =>
      !byHandle.includes(face) &&
      face.name
        .toLowerCase()
        .split(/\s+/)
        .some((part) => part.startsWith(word)),
  );
  const order = (a: MemberFace, b: MemberFace) => a.handle.localeCompare(b.handle);
  return [...byHandle.toSorted(order), ...byName.toSorted(order)].slice(0, offeredMax);
}
