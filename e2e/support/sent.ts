/** Counts at a browser's data channels what it sends to others. */
import type { Person } from './person.ts';

/** Reloads the page. From then on what it hands to data channels is counted. @returns how many bytes so far */
export async function countSent(person: Person): Promise<() => Promise<number>> {
  await person.context.addInitScript(() => {
    const counted = Object.assign(window, { sentBytes: 0 });
    // eslint-disable-next-line @typescript-eslint/unbound-method -- it is called with the channel
    const { send } = RTCDataChannel.prototype;
    RTCDataChannel.prototype.send = function (this: RTCDataChannel, data: ArrayBuffer | ArrayBufferView<ArrayBuffer>) {
      counted.sentBytes += data.byteLength;
      send.call(this, data as ArrayBufferView<ArrayBuffer>);
    } as typeof send;
  });
  await person.page.reload();
  return () => person.page.evaluate(() => (window as unknown as { sentBytes: number }).sentBytes);
}
