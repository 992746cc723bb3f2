/**
 * What a person accepts without being asked: from one contact, whose keys were compared, offers up to a size and of some kinds. Whoever is not
 * verified, whose keys changed, or who is no contact has no rule in force, whatever is stored.
 *
 * What a file is of is what its name and its declared type say together: a name that ends in `.exe` is no picture though it is declared as one.
 * Formats that browsers and office programs run as programs (SVG, HTML, macros) are of no kind but "everything".
 */
import type { OfferedFile } from '../../protocol/entry.ts';
import { fileName } from '../../protocol/names.ts';
import { limits } from '../../protocol/limits.ts';
import type { Relation } from '../../protocol/people.ts';

export const acceptKinds = ['pictures', 'video', 'audio', 'documents'] as const;
export type AcceptKind = (typeof acceptKinds)[number];

export interface AcceptRule {
  /** Of a whole offer, in bytes. */
  upToBytes: number;
  kinds: 'everything' | readonly AcceptKind[];
}

/** What of a person decides whether a rule is in force. */
export interface Standing {
  relation: Relation;
  pin: { root: string };
  /** The root key that this person compared. */
  verifiedRoot?: string;
  keysChangedAt?: number;
  keysAcknowledged?: boolean;
}

/** The keys in force are those that were compared, and no change of keys waits to be looked at. */
export function isVerified(person: Standing): boolean {
  const changed = person.keysChangedAt !== undefined && person.keysAcknowledged !== true;
  return person.relation === 'accepted' && person.verifiedRoot === person.pin.root && !changed;
}

/** Its keys were compared, others are in force, and the person has not looked at that yet: nothing goes to the new ones until then. */
export const isHeld = ({ verifiedRoot, pin, keysAcknowledged }: Standing): boolean =>
  verifiedRoot !== undefined && verifiedRoot !== pin.root && keysAcknowledged !== true;

const extensions: Record<AcceptKind, ReadonlySet<string>> = {
  pictures: new Set('png jpg jpeg gif webp avif heic heif tif tiff bmp'.split(' ')),
  video: new Set('mp4 m4v mkv mov webm avi mpg mpeg'.split(' ')),
  audio: new Set('mp3 m4a wav flac ogg oga opus aac weba'.split(' ')),
  documents: new Set('pdf txt md rtf odt ods odp doc docx xls xlsx ppt pptx csv epub'.split(' ')),
};
/** The declared type of a document says little (many systems give none, or a general one), but it must not say that it is something else. */
const documentType =
  /^(text\/(plain|markdown|csv|rtf)|application\/(pdf|rtf|msword|epub\+zip|vnd\.(ms-|oasis\.opendocument|openxmlformats).*))$/;
const types: Record<AcceptKind, RegExp> = {
  pictures: /^image\/(?!svg)/,
  video: /^video\//,
  audio: /^audio\//,
  documents: documentType,
};

type File = Pick<OfferedFile, 'name' | 'size' | 'type' | 'bundle'>;
type SpokenFile = File & Pick<OfferedFile, 'voice'>;

/**
 * Whether it is a voice message alone, and short enough to come without asking: who is let to write may speak as well. Whose keys changed unseen may
 * not, that would write to the disk for somebody who is perhaps another.
 */
export function isSpoken(files: readonly SpokenFile[], person: Standing): boolean {
  const changed = person.keysChangedAt !== undefined && person.keysAcknowledged !== true;
  return person.relation === 'accepted' && !changed && isShortVoice(files);
}

/** A voice message alone, of a size that may come without asking. */
export function isShortVoice(files: readonly SpokenFile[]): boolean {
  const [file, ...others] = files;
  return file?.voice !== undefined && others.length === 0 && file.size <= limits.voiceBytes && kindOf(file) === 'audio';
}

/** Undefined for what is of none, among them folders: what is inside is not said by the offer. */
export function kindOf(file: Omit<File, 'size'>): AcceptKind | undefined {
  if (file.bundle) return undefined;
  const name = fileName(file.name);
  const extension = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  const type = file.type.toLowerCase().split(';', 1)[0]?.trim() ?? '';
  return acceptKinds.find(
    (kind) =>
      extensions[kind].has(extension) && (type === '' || type === 'application/octet-stream' || types[kind].test(type)),
  );
}

/** Whether the offer as a whole is within the rule: all of it or nothing, so that nobody has to look what came and what did not. */
export function allows(rule: AcceptRule, files: readonly File[]): boolean {
  const { kinds, upToBytes } = rule;
  if (totalBytes(files) > upToBytes) return false;
  return (
    kinds === 'everything' ||
    files.every((file) => {
      const kind = kindOf(file);
      return kind !== undefined && kinds.includes(kind);
    })
  );
}

export const totalBytes = (files: readonly Pick<OfferedFile, 'size'>[]): number =>
  files.reduce((sum, { size }) => sum + size, 0);
