/** Pictures and sounds of files that are on this device, for the places where they are shown. Nothing is read before it is asked for. */
import type { Causeway } from '../../../engine/causeway.ts';
import { factsOf, fileKey, standingOf } from '../../../engine/exchange/offer.ts';
import { SinkError, SourceError } from '../../../engine/ports.ts';
import { Serial } from '../../../engine/feed/serial.ts';
import type { OfferId } from '../../../protocol/ids.ts';
import { fileName } from '../../../protocol/names.ts';
import { mediaKind, playedType } from '../media-kind.ts';
import type { DeviceBlobs } from '../platform/device-blobs.ts';
import { redraw } from '../platform/pictures.ts';
import type { MediaActions, MediaSource } from './actions.ts';

/** Longer edges: of the widest place in a conversation on a dense screen, and of a screen. */
const edges = { inline: 800, large: 2560 } as const;
const quality = 0.85;
/** 400 MB while one is decoded, and one is at a time: larger ones can be saved and opened elsewhere. */
const maxPixels = 100e6;
/** Small pictures that are kept, so that scrolling back and forth does not decode them again; under 200 KB each. */
const keptPictures = 40;

interface Ports {
  engine: Pick<Causeway, 'transfers' | 'device'>;
  blobs: Pick<DeviceBlobs, 'ownFile'>;
  /** A received file; rejects with `SinkError` when it is not there. */
  received: (ref: { offer: OfferId; file: number }) => Promise<File>;
}

export class Media implements MediaActions {
  /** By file key, the one that was asked for last at the end. */
  readonly #drawn = new Map<string, Blob>();
  readonly #line = new Serial();

  constructor(private readonly ports: Ports) {}

  async picture(offer: OfferId, file: number, size: keyof typeof edges): Promise<MediaSource | undefined> {
    if (this.#named(offer, file, mediaKind) !== 'picture') return undefined;
    const blob = size === 'inline' ? await this.#inline(offer, file) : await this.#draw(offer, file, size);
    return blob && sourceOf(blob);
  }

  async playable(offer: OfferId, file: number): Promise<MediaSource | undefined> {
    const type = this.#named(offer, file, playedType);
    const bytes = type === undefined ? undefined : await this.#bytes(offer, file);
    return bytes && sourceOf(bytes.slice(0, bytes.size, type));
  }

  async #inline(offer: OfferId, file: number): Promise<Blob | undefined> {
    const key = fileKey(offer, file);
    const blob = this.#drawn.get(key) ?? (await this.#draw(offer, file, 'inline'));
    if (!blob) return undefined;
    this.#drawn.delete(key);
    this.#drawn.set(key, blob);
    for (const oldest of this.#drawn.keys()) {
      if (this.#drawn.size <= keptPictures) break;
      this.#drawn.delete(oldest);
    }
    return blob;
  }

  #draw(offer: OfferId, file: number, size: keyof typeof edges): Promise<Blob | undefined> {
    return this.#line.run(async () => {
      const bytes = await this.#bytes(offer, file);
      try {
        return bytes && (await redraw(bytes, { edgePixels: edges[size], quality, maxPixels }));
      } catch (problem) {
        if (problem instanceof DOMException) return undefined; // the file cannot be read any more, or memory is short
        throw problem;
      }
    });
  }

  #named<T>(offer: OfferId, file: number, ask: (file: { name: string; type: string; bundle?: unknown }) => T) {
    const offered = this.ports.engine.transfers.get(offer)?.offered?.files[file];
    return offered && ask({ name: fileName(offered.name), type: offered.type, bundle: offered.bundle });
  }

  /** Undefined when they are not here: on another device of the account, moved, removed. */
  async #bytes(offer: OfferId, file: number): Promise<File | undefined> {
    const { engine, blobs, received } = this.ports;
    const record = engine.transfers.get(offer);
    const offered = record?.offered?.files[file];
    if (!record?.offered || !offered) return undefined;
    try {
      if (record.offered.mine) return await blobs.ownFile(offer, file, offered);
      const here = standingOf(record, file) === 'done' && factsOf(record, file).receivedBy === engine.device;
      return here ? await received({ offer, file }) : undefined;
    } catch (problem) {
      if (problem instanceof SinkError || problem instanceof SourceError) return undefined;
      throw problem;
    }
  }
}

function sourceOf(blob: Blob): MediaSource {
  const url = URL.createObjectURL(blob);
  return { url, release: () => URL.revokeObjectURL(url) };
}
