/** Ports of a connection that is being made, and of the way its signals travel. Adapters: `link/` (WebRTC), `engine/testing` (simulated). */
import type { Bytes } from '../../protocol/bytes.ts';

/** SDP or ICE of one attempt, without the ids that the envelope adds. */
export type WireSignal =
  | { kind: 'sdp'; type: 'offer' | 'answer'; sdp: string }
  | { kind: 'ice'; candidate: string; mid: string | null; line: number | null };

export interface WireEvents {
  /** A signal for the other side. */
  signal(signal: WireSignal): void;
  /** The data channel is open; `fingerprints` are those of the descriptions in force. */
  open(fingerprints: { local: string; remote: string }): void;
  /** One message; the buffer is the receiver's. */
  message(bytes: Bytes): void;
  /** The connection is gone, for whatever reason; nothing comes after it. `reason` is for the log. */
  closed(reason: string): void;
}

/** How the bytes of a connection travel, from the candidate pair in use. */
export type Path = 'same-network' | 'direct' | 'relayed';

/** What a connection can say about itself; what the platform does not tell is absent. */
export interface WireStats {
  path: Path | undefined;
  /** Of the connectivity checks, which no queue of ours delays. */
  roundTripMs: number | undefined;
  /** Bytes handed to the network, what is sent again and the wrapping of each packet included. */
  sentBytes: number | undefined;
}

/** One WebRTC connection. It is disposable: what has to outlive it lives above it. */
export interface Wire {
  signal(signal: WireSignal): void;
  /** Queues a message; `urgent` ones overtake the others while these wait in the adapter. The buffer is the caller's again afterwards. */
  send(message: Bytes, urgent: boolean): void;
  readonly bufferedBytes: number;
  /** Bytes of all messages that were ever given to `send`. */
  readonly sentBytes: number;
  /** Calls `run` once, when `bufferedBytes` is at or under `lowBytes` (128 KiB when absent). */
  whenDrained(run: () => void, lowBytes?: number): void;
  stats(): Promise<WireStats>;
  close(): void;
}

export interface WireOptions {
  initiator: boolean;
  iceServers: readonly { urls: string[]; username?: string | undefined; credential?: string | undefined }[];
}

export type OpenWire = (options: WireOptions, events: WireEvents) => Wire;
