/** One data channel between two bare pages: nothing of the app, so that loops of others and yardsticks can run over it. */
import type { Page } from '@playwright/test';

declare global {
  /** In the bare pages only. */
  var bench: { pc: RTCPeerConnection; channel?: RTCDataChannel; opened?: Promise<void>; series: [number, number][] };
}

/** Runs with the channel open at both sides, as `globalThis.bench`, and closes it. */
export async function withChannel<T>(sender: Page, receiver: Page, use: () => Promise<T>): Promise<T> {
  await connect(sender, receiver);
  try {
    return await use();
  } finally {
    await Promise.all([sender, receiver].map((page) => page.evaluate(() => globalThis.bench.pc.close())));
  }
}

async function connect(sender: Page, receiver: Page): Promise<void> {
  const offer = await sender.evaluate(async () => {
    const pc = new RTCPeerConnection();
    const channel = pc.createDataChannel('bench');
    channel.binaryType = 'arraybuffer';
    globalThis.bench = { pc, channel, series: [] };
    await pc.setLocalDescription(await pc.createOffer());
    await new Promise<void>((done) => {
      pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && done();
    });
    return pc.localDescription?.sdp ?? '';
  });
  const answer = await receiver.evaluate(async (sdp) => {
    const pc = new RTCPeerConnection();
    const opened = new Promise<void>((done) => {
      pc.ondatachannel = ({ channel }) => {
        channel.binaryType = 'arraybuffer';
        globalThis.bench.channel = channel;
        done();
      };
    });
    globalThis.bench = { pc, opened, series: [] };
    await pc.setRemoteDescription({ type: 'offer', sdp });
    await pc.setLocalDescription(await pc.createAnswer());
    await new Promise<void>((done) => {
      pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && done();
    });
    return pc.localDescription?.sdp ?? '';
  }, offer);
  await sender.evaluate(async (sdp) => {
    const { pc, channel } = globalThis.bench;
    const open = new Promise<void>((done) => channel?.addEventListener('open', () => done()));
    await pc.setRemoteDescription({ type: 'answer', sdp });
    await open;
  }, answer);
  await receiver.evaluate(() => globalThis.bench.opened);
}
