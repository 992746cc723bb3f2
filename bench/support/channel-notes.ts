/** What passes the data channels of a page, seen from the browser's own interface and not from the app. */

/** When a page gave messages to data channels and got them, in ms since 1970; data are those of 8 KiB and more. */
export interface Noted {
  sent: number[];
  sentData: number[];
  received: number[];
  receivedData: number[];
}

/** Runs in a page before everything else there: notes what passes the browser's data channels. */
export function noteMessages(): void {
  const noted: Noted = { sent: [], sentData: [], received: [], receivedData: [] };
  (globalThis as { benchNoted?: Noted }).benchNoted = noted;
  const note = (all: number[], large: number[], data: unknown): void => {
    const now = performance.timeOrigin + performance.now();
    all.push(now);
    if (data instanceof ArrayBuffer || ArrayBuffer.isView(data) ? data.byteLength >= 8192 : false) large.push(now);
  };
  const prototype = RTCDataChannel.prototype;
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the channel below
  const send = prototype.send as (this: RTCDataChannel, data: unknown) => void;
  prototype.send = function (this: RTCDataChannel, data: unknown): void {
    note(noted.sent, noted.sentData, data);
    send.call(this, data);
  };
  const listen = (channel: RTCDataChannel): void =>
    channel.addEventListener('message', ({ data }) => note(noted.received, noted.receivedData, data));
  const connection = RTCPeerConnection.prototype;
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the connection below
  const create = connection.createDataChannel;
  connection.createDataChannel = function (...args): RTCDataChannel {
    const channel = create.apply(this, args);
    listen(channel);
    return channel;
  };
  const Original = RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Original {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      this.addEventListener('datachannel', ({ channel }) => listen(channel));
    }
  };
}
