/**
 * A bundle: many files, or a folder, offered as one file. Its bytes are the manifest, then the bytes of every file in the order of the
 * manifest, without gaps. So small files share blocks, resume and hashes are those of any file, and whoever wants only some asks for the
 * blocks that hold them.
 *
 * The manifest is CBOR: an array of `[path, size, modifiedAt?]` for a file and `[path]` for an empty folder. A path is relative, its
 * segments are joined by `/`; segments are as the sender's file system has them and are cleaned before they are shown or saved.
 * Zeros may follow it, up to the end of a block: then no file shares a block with it, and it can be had whatever becomes of the files.
 */
import * as v from 'valibot';
import type { Bytes } from './bytes.ts';
import { decodePaddedCbor, encodeCbor, parseAs, uint } from './codec.ts';
import { ProtocolError } from './errors.ts';
import { limits } from './limits.ts';

const path = v.pipe(v.string(), v.minLength(1), v.maxLength(limits.pathUnits));
const Manifest = v.pipe(
  v.array(
    v.union([
      v.strictTuple([path]),
      v.strictTuple([path, uint(limits.fileBytes)]),
      v.strictTuple([path, uint(limits.fileBytes), uint()]),
    ]),
  ),
  v.minLength(1),
  v.maxLength(limits.bundleEntries),
);

export type ManifestEntry =
  { kind: 'file'; path: string; sizeBytes: number; modifiedAt?: number | undefined } | { kind: 'folder'; path: string };

export function encodeManifest(entries: readonly ManifestEntry[]): Bytes {
  return encodeCbor(
    entries.map((entry) => {
      if (entry.kind === 'folder') return [entry.path];
      const { path: where, sizeBytes, modifiedAt } = entry;
      return modifiedAt === undefined ? [where, sizeBytes] : [where, sizeBytes, modifiedAt];
    }),
  );
}

/** The manifest with zeros behind it, up to the end of its last block. */
export function paddedManifest(manifest: Bytes): Bytes {
  const padded = new Uint8Array(Math.ceil(manifest.length / limits.blockBytes) * limits.blockBytes);
  padded.set(manifest);
  return padded;
}

/**
 * @param contentBytes what the files of the manifest must add up to.
 * @throws ProtocolError when it is no manifest, a path leaves the bundle, or the sizes do not add up.
 */
export function decodeManifest(bytes: Uint8Array, contentBytes: number): ManifestEntry[] {
  if (bytes.length > limits.manifestBytes) throw new ProtocolError('too-large', `manifest of ${bytes.length} bytes`);
  let total = 0;
  const entries = parseAs(Manifest, decodePaddedCbor(bytes)).map(([where, sizeBytes, modifiedAt]): ManifestEntry => {
    checkPath(where);
    if (sizeBytes === undefined) return { kind: 'folder', path: where };
    total += sizeBytes;
    return { kind: 'file', path: where, sizeBytes, ...(modifiedAt === undefined ? {} : { modifiedAt }) };
  });
  if (total !== contentBytes) throw new ProtocolError('malformed', 'the files of a manifest do not add up');
  return entries;
}

function checkPath(where: string): void {
  const segments = where.split('/');
  if (segments.length > limits.pathDepth) throw new ProtocolError('too-large', 'path with too many segments');
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..'))
    throw new ProtocolError('malformed', 'path that leaves its bundle');
}
