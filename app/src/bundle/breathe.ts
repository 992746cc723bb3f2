/** Long work in slices, so that the page answers and paints in between. */
export interface Breather {
  /** Resolves at once while the slice lasts, else after the page had its turn. */
  pause: () => Promise<void>;
}

/** Less than half a frame. */
const sliceMs = 8;

export function breather(): Breather {
  const { port1, port2 } = new MessageChannel();
  let since = performance.now();
  return {
    async pause() {
      if (performance.now() - since < sliceMs) return;
      await new Promise<void>((resolve) => {
        port1.onmessage = () => resolve();
        port2.postMessage(undefined);
      });
      since = performance.now();
    },
  };
}
