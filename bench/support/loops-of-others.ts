/**
 * How two well-known programs move a file, as loops of our own between bare pages, without their interface. Written after reading their public
 * sources; what each waits for, and how large its messages are, is theirs.
 *
 * PairDrop (github.com/schlagmichdoch/PairDrop, public/scripts/network.js: FileChunker, FileDigester, Peer): FileReader over slices of 64,000 bytes,
 * each sent at once; after 1,000,000 bytes a `partition` message and nothing more until the receiver's `partition-received`; the receiver collects
 * in memory, says `progress` every half percent, and makes a Blob at the end. Of several files each begins with a `header`, and the next one begins
 * at the receiver's `file-transfer-complete`.
 *
 * FilePizza (github.com/kern/filepizza, src/hooks/useUploaderConnections.ts and useDownloader.ts, over PeerJS): pieces of 256 KiB, one a turn of the
 * event loop, acknowledged each (which moves the progress bar and holds nothing up); PeerJS cuts them into messages of 16,300 bytes and looks
 * every 50 ms whether the channel's queue is below 8 MiB (lib/dataconnection: BufferedConnection, BinaryPackChunker); the receiver joins them and
 * enqueues each piece into a stream.
 */
import type { Page } from '@playwright/test';
import { withChannel } from './channel.ts';

/** One file through PairDrop's loop. @returns bytes per second, from the first header to the receiver's Blob. */
export async function pairDropLoop(sender: Page, receiver: Page, path: string): Promise<number> {
  await chooseFile(sender, path);
  return withChannel(sender, receiver, async () => {
    await pairDropReceiver(receiver);
    const { seconds, bytes } = await pairDropSender(sender, 0);
    return bytes / seconds;
  });
}

/** Many files of one size, made in memory, through the same loop. @returns files per second */
export async function pairDropSmallFiles(sender: Page, receiver: Page, count: number): Promise<number> {
  return withChannel(sender, receiver, async () => {
    await pairDropReceiver(receiver);
    const { seconds } = await pairDropSender(sender, count);
    return count / seconds;
  });
}

async function chooseFile(page: Page, path: string): Promise<void> {
  await page.setContent('<input type="file">');
  await page.locator('input').setInputFiles(path);
}

function pairDropReceiver(page: Page): Promise<void> {
  return page.evaluate(() => {
    const { channel } = globalThis.bench;
    if (!channel) throw new Error('no channel');
    const say = (message: object): void => channel.send(JSON.stringify(message));
    const files: Blob[] = [];
    let buffer: ArrayBuffer[] = [];
    let size = 0;
    let received = 0;
    let told = 0;
    channel.onmessage = ({ data }) => {
      if (typeof data === 'string') {
        const message = JSON.parse(data) as { type: string; size: number; offset: number };
        if (message.type === 'header') [buffer, size, received, told] = [[], message.size, 0, 0];
        else say({ type: 'partition-received', offset: message.offset });
        return;
      }
      buffer.push(data as ArrayBuffer);
      received += (data as ArrayBuffer).byteLength;
      if (received / size - told >= 0.005 || received === size)
        say({ type: 'progress', progress: (told = received / size) });
      if (received < size) return;
      files.push(new Blob(buffer));
      say({ type: 'file-transfer-complete' });
    };
  });
}

/** @param count of files of 4 KiB, or 0 for the file that was chosen in the page */
function pairDropSender(page: Page, count: number): Promise<{ seconds: number; bytes: number }> {
  return page.evaluate(async (small) => {
    const { channel } = globalThis.bench;
    if (!channel) throw new Error('no channel');
    const chosen = document.querySelector('input')?.files?.[0];
    const files =
      small > 0 ? Array.from({ length: small }, (_, i) => new File([new Uint8Array(4096)], `${i}.bin`)) : [chosen];
    const say = (message: object): void => channel.send(JSON.stringify(message));
    const start = performance.now();
    let bytes = 0;
    for (const file of files) {
      if (!file) throw new Error('no file');
      await new Promise<void>((done) => {
        const reader = new FileReader();
        let offset = 0;
        let partition = 0;
        const read = (): void => reader.readAsArrayBuffer(file.slice(offset, offset + 64_000));
        reader.onload = () => {
          const chunk = reader.result as ArrayBuffer;
          offset += chunk.byteLength;
          partition += chunk.byteLength;
          channel.send(chunk);
          if (offset >= file.size) return;
          if (partition >= 1e6) say({ type: 'partition', offset });
          else read();
        };
        channel.onmessage = ({ data }) => {
          const { type } = JSON.parse(String(data)) as { type: string };
          if (type === 'file-transfer-complete') done();
          if (type !== 'partition-received') return;
          partition = 0;
          read();
        };
        say({ type: 'header', size: file.size, name: file.name, mime: file.type });
        read();
      });
      bytes += file.size;
    }
    return { seconds: (performance.now() - start) / 1000, bytes };
  }, count);
}

/** One file through FilePizza's loop. @returns bytes per second, from the first piece to the acknowledgement of the last one. */
export async function filePizzaLoop(sender: Page, receiver: Page, path: string): Promise<number> {
  await chooseFile(sender, path);
  return withChannel(sender, receiver, async () => {
    await receiver.evaluate(() => {
      const { channel } = globalThis.bench;
      if (!channel) throw new Error('no channel');
      const pieces = new ReadableStream<Uint8Array>({
        start(controller) {
          let parts: Uint8Array[] = [];
          channel.onmessage = ({ data }) => {
            const message = new Uint8Array(data as ArrayBuffer);
            const [count = 0] = new Uint32Array(message.slice(0, 4).buffer);
            parts.push(message.subarray(4));
            if (parts.length < count) return;
            const piece = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
            parts.reduce((at, part) => (piece.set(part, at), at + part.length), 0);
            parts = [];
            controller.enqueue(piece);
            channel.send(JSON.stringify({ type: 'ChunkAck', bytesReceived: piece.length }));
          };
        },
      });
      // Instead of the browser's download: taken and let go.
      void pieces.pipeTo(new WritableStream());
    });
    const { seconds, bytes } = await sender.evaluate(async () => {
      const { channel } = globalThis.bench;
      const file = document.querySelector('input')?.files?.[0];
      if (!channel || !file) throw new Error('no channel, or no file');
      const start = performance.now();
      let acknowledged = 0;
      const finished = new Promise<void>((done) => {
        channel.onmessage = ({ data }) => {
          acknowledged += (JSON.parse(String(data)) as { bytesReceived: number }).bytesReceived;
          if (acknowledged >= file.size) done();
        };
      });
      for (let offset = 0; offset < file.size; offset += 256 * 1024) {
        await new Promise((next) => setTimeout(next, 0));
        const piece = new Uint8Array(await file.slice(offset, offset + 256 * 1024).arrayBuffer());
        const count = Math.ceil(piece.length / 16_300);
        for (let part = 0; part < count; part++) {
          while (channel.bufferedAmount > 8 * 1024 * 1024) await new Promise((next) => setTimeout(next, 50));
          const data = piece.subarray(part * 16_300, (part + 1) * 16_300);
          const message = new Uint8Array(4 + data.length);
          new Uint32Array(message.buffer, 0, 1)[0] = count;
          message.set(data, 4);
          channel.send(message);
        }
      }
      await finished;
      return { seconds: (performance.now() - start) / 1000, bytes: file.size };
    });
    return bytes / seconds;
  });
}
