/** Manifests of bundles on disk: encoded when one is offered, checked and laid out as a tree when one is looked at. */
import { ProtocolError } from '../../../protocol/errors.ts';
import { limits } from '../../../protocol/limits.ts';
import { decodeManifest, encodeManifest, paddedManifest, type ManifestEntry } from '../../../protocol/manifest.ts';
import { buildTree } from '../bundle/bundle-tree.ts';
import type { ManifestColumns } from '../bundle/match-again.ts';
import type { Answer, BlobKey, BundleOnDisk } from './blob-protocol.ts';
import { exists, openHandle, readAll, writeAll } from './opfs.ts';
import type { SinkFile } from './sink-file.ts';

/** Answered with its length once it is durable. */
export async function keep(key: BlobKey, { paths, sizes, times }: ManifestColumns): Promise<Answer> {
  const encoded = encodeManifest(
    paths.map((path, index): ManifestEntry => {
      const sizeBytes = sizes[index] ?? -1;
      const modifiedAt = times[index] ?? -1;
      if (sizeBytes < 0) return { kind: 'folder', path };
      return { kind: 'file', path, sizeBytes, ...(modifiedAt < 0 ? {} : { modifiedAt }) };
    }),
  );
  // What is read from where it is may lose files while it is sent; the list of them must not be among what is lost.
  const contentBytes = sizes.reduce((sum, sizeBytes) => sum + Math.max(0, sizeBytes), 0);
  const copied = encoded.length + contentBytes <= limits.copyOnAttachBytes;
  const bytes = copied ? encoded : paddedManifest(encoded);
  if (bytes.length > limits.manifestBytes) return { kind: 'bad-manifest', detail: `manifest of ${bytes.length} bytes` };
  const file = await openHandle('manifests', key);
  try {
    file.truncate(0);
    writeAll(file, bytes, 0);
    file.flush();
  } finally {
    file.close();
  }
  return { kind: 'manifest', manifestBytes: bytes.length };
}

export async function columns(bundle: BundleOnDisk): Promise<Answer> {
  const manifest = await read(bundle);
  if (!Array.isArray(manifest)) return manifest;
  const sizes = Float64Array.from(manifest, (entry) => (entry.kind === 'file' ? entry.sizeBytes : -1));
  const times = Float64Array.from(manifest, (entry) => (entry.kind === 'file' ? (entry.modifiedAt ?? -1) : -1));
  return { kind: 'kept-manifest', manifest: { paths: manifest.map(({ path }) => path), sizes, times } };
}

export async function tree(bundle: BundleOnDisk, open: SinkFile | undefined): Promise<Answer> {
  const manifest = await read(bundle, open);
  if (!Array.isArray(manifest)) return manifest;
  try {
    return { kind: 'tree', columns: buildTree(manifest, bundle.manifestBytes) };
  } catch (error) {
    return refused(error);
  }
}

/** The manifest, or the answer that says why there is none. @throws DOMException */
export async function read(bundle: BundleOnDisk, open?: SinkFile): Promise<ManifestEntry[] | Answer> {
  const { key, area, manifestBytes, contentBytes } = bundle;
  const bytes = open?.readStart(manifestBytes) ?? (await readStart(area, key, manifestBytes));
  if (bytes?.length !== manifestBytes) return { kind: 'absent' };
  try {
    return decodeManifest(bytes, contentBytes);
  } catch (error) {
    return refused(error);
  }
}

async function readStart(
  area: BundleOnDisk['area'],
  key: BlobKey,
  lengthBytes: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (!(await exists(area, key))) return undefined;
  const file = await openHandle(area, key);
  try {
    if (area === 'manifests') return readAll(file);
    const bytes = new Uint8Array(lengthBytes);
    return bytes.subarray(0, file.read(bytes, { at: 0 }));
  } finally {
    file.close();
  }
}

function refused(error: unknown): Answer {
  if (error instanceof ProtocolError) return { kind: 'bad-manifest', detail: error.message };
  throw error;
}
