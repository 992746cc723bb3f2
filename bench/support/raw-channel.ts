/**
 * The yardstick: one bare data channel between two bare pages, no disk, no hash. 64 KiB a message; the sender keeps either the channel's own
 * queue filled up to a mark, which is what most programs do, or a window of bytes that the receiver has not acknowledged.
 */
import type { Page } from '@playwright/test';
import { withChannel } from './channel.ts';
import type { Series } from './series.ts';

export type Filling = { highWaterBytes: number } | { windowBytes: number };

export interface RawRun {
  /** ms since 1970, the first message. */
  startMs: number;
  endMs: number;
  /** Bytes at the receiver. */
  series: Series;
}

/** Sends until `limit.bytes` have arrived or `limit.seconds` are over. */
export async function rawChannel(
  sender: Page,
  receiver: Page,
  filling: Filling,
  limit: { bytes?: number; seconds?: number },
): Promise<RawRun> {
  return withChannel(sender, receiver, async () => {
    await receiver.evaluate(() => {
      const { channel, series } = globalThis.bench;
      if (!channel) throw new Error('no channel');
      let received = 0;
      let notedMs = 0;
      channel.onmessage = ({ data }) => {
        received += (data as ArrayBuffer).byteLength;
        channel.send(new Float64Array([received]));
        const now = Date.now();
        if (now - notedMs < 100) return;
        notedMs = now;
        series.push([now, received]);
      };
    });
    const span = await sender.evaluate(
      async ({ filling, bytes, endsAfterMs }) => {
        const { channel } = globalThis.bench;
        if (!channel) throw new Error('no channel');
        const message = new Uint8Array(64 * 1024);
        const highWaterBytes = 'highWaterBytes' in filling ? filling.highWaterBytes : 256 * 1024;
        const windowBytes = 'windowBytes' in filling ? filling.windowBytes : Infinity;
        let sent = 0;
        let acknowledged = 0;
        const startMs = Date.now();
        await new Promise<void>((done) => {
          const pump = (): void => {
            while (
              sent < bytes &&
              sent - acknowledged < windowBytes &&
              channel.bufferedAmount + message.length <= highWaterBytes
            ) {
              channel.send(message);
              sent += message.length;
            }
          };
          channel.bufferedAmountLowThreshold = highWaterBytes / 2;
          channel.onbufferedamountlow = pump;
          channel.onmessage = ({ data }) => {
            acknowledged = new Float64Array(data as ArrayBuffer)[0] ?? 0;
            if (acknowledged >= bytes) done();
            else pump();
          };
          if (endsAfterMs !== undefined) setTimeout(done, endsAfterMs);
          pump();
        });
        channel.onbufferedamountlow = null;
        return { startMs, endMs: Date.now() };
      },
      {
        filling,
        bytes: limit.bytes ?? Number.MAX_SAFE_INTEGER,
        endsAfterMs: limit.seconds === undefined ? undefined : limit.seconds * 1000,
      },
    );
    return { ...span, series: await receiver.evaluate(() => globalThis.bench.series) };
  });
}
