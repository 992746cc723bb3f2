/**
 * Which files are shown where they stand in a conversation, and as what. Name and declared type must say the same, and both must be in this list:
 * what browsers run as a page (SVG, HTML, PDF) is not in it, and no blob is ever given a type that is not.
 */
export type MediaKind = 'picture' | 'video' | 'audio';

/** By extension: the kind, the types that may be declared, the one that a player is given first. */
const known: Record<string, { kind: MediaKind; types: readonly string[] }> = {
  png: { kind: 'picture', types: ['image/png'] },
  jpg: { kind: 'picture', types: ['image/jpeg'] },
  jpeg: { kind: 'picture', types: ['image/jpeg'] },
  gif: { kind: 'picture', types: ['image/gif'] },
  webp: { kind: 'picture', types: ['image/webp'] },
  avif: { kind: 'picture', types: ['image/avif'] },
  bmp: { kind: 'picture', types: ['image/bmp'] },
  mp4: { kind: 'video', types: ['video/mp4'] },
  m4v: { kind: 'video', types: ['video/mp4', 'video/x-m4v'] },
  webm: { kind: 'video', types: ['video/webm'] },
  mp3: { kind: 'audio', types: ['audio/mpeg', 'audio/mp3'] },
  m4a: { kind: 'audio', types: ['audio/mp4', 'audio/x-m4a', 'audio/m4a'] },
  aac: { kind: 'audio', types: ['audio/aac'] },
  ogg: { kind: 'audio', types: ['audio/ogg'] },
  oga: { kind: 'audio', types: ['audio/ogg'] },
  opus: { kind: 'audio', types: ['audio/ogg', 'audio/opus'] },
  weba: { kind: 'audio', types: ['audio/webm'] },
  wav: { kind: 'audio', types: ['audio/wav', 'audio/x-wav'] },
  flac: { kind: 'audio', types: ['audio/flac', 'audio/x-flac'] },
};

/** Systems that know no type give none, or a general one. */
const unsaid = ['', 'application/octet-stream'];

interface Named {
  /** Cleaned. */
  name: string;
  type: string;
  bundle?: unknown;
}

function entryOf({ name, type, bundle }: Named) {
  const extension = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  const entry = !bundle && Object.hasOwn(known, extension) ? known[extension] : undefined;
  const declared = type.toLowerCase().split(';', 1)[0]?.trim() ?? '';
  return entry && (unsaid.includes(declared) || entry.types.includes(declared)) ? entry : undefined;
}

export const mediaKind = (file: Named): MediaKind | undefined => entryOf(file)?.kind;

/** The type under which a player gets the bytes; none for pictures, which are drawn anew and never handed out. */
export function playedType(file: Named): string | undefined {
  const entry = entryOf(file);
  return entry && entry.kind !== 'picture' ? entry.types[0] : undefined;
}
