/**
 * The yardstick: one bare data channel between two browsers, no disk, no hash, in the best setting known (docs/decisions): 64 KiB messages, at
 * most 512 KiB not acknowledged by the application.
 */
import type { Page } from '@playwright/test';

interface Bench {
  pc: RTCPeerConnection;
  channel?: RTCDataChannel;
  done?: Promise<number>;
}
declare global {
  var bench: Bench;
}

/** @returns bytes per second, from the first message sent to the last one acknowledged. */
export async function rawChannel(sender: Page, receiver: Page, sizeBytes: number): Promise<number> {
  const offer = await sender.evaluate(async () => {
    const pc = new RTCPeerConnection();
    globalThis.bench = { pc, channel: pc.createDataChannel('raw') };
    await pc.setLocalDescription(await pc.createOffer());
    await new Promise<void>((done) => {
      pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && done();
    });
    return pc.localDescription?.sdp ?? '';
  });
  const answer = await receiver.evaluate(async (sdp) => {
    const pc = new RTCPeerConnection();
    globalThis.bench = { pc };
    pc.ondatachannel = ({ channel }) => {
      channel.binaryType = 'arraybuffer';
      let received = 0;
      channel.onmessage = ({ data }) => {
        received += (data as ArrayBuffer).byteLength;
        channel.send(new Float64Array([received]));
      };
    };
    await pc.setRemoteDescription({ type: 'offer', sdp });
    await pc.setLocalDescription(await pc.createAnswer());
    await new Promise<void>((done) => {
      pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && done();
    });
    return pc.localDescription?.sdp ?? '';
  }, offer);
  const seconds = await sender.evaluate(
    async ({ sdp, size }) => {
      const { pc, channel } = globalThis.bench;
      if (!channel) throw new Error('no channel');
      channel.binaryType = 'arraybuffer';
      const open = new Promise<void>((done) => (channel.onopen = () => done()));
      await pc.setRemoteDescription({ type: 'answer', sdp });
      await open;
      const message = new Uint8Array(64 * 1024);
      const windowBytes = 512 * 1024;
      let sent = 0;
      let acknowledged = 0;
      const start = performance.now();
      await new Promise<void>((done) => {
        const pump = () => {
          while (sent < size && sent - acknowledged < windowBytes) {
            channel.send(message);
            sent += message.length;
          }
        };
        channel.onmessage = ({ data }) => {
          acknowledged = new Float64Array(data as ArrayBuffer)[0] ?? 0;
          if (acknowledged >= size) done();
          else pump();
        };
        pump();
      });
      pc.close();
      return (performance.now() - start) / 1000;
    },
    { sdp: answer, size: sizeBytes },
  );
  return sizeBytes / seconds;
}
