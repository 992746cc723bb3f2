/** How loud something is, and a picture of that which fits a message. Pure. */

/** Speech is a tenth of full scale: what is heard as loud is drawn as loud. */
const gain = 4;

/** @param samples -1 to 1. @returns 0 to 1, the root mean square, raised. */
export function loudness(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  return Math.min(1, Math.sqrt(sum / Math.max(1, samples.length)) * gain);
}

/** Makes at most `steps` of them, each as loud as the loudest moment in it; the loudest of all is 255. */
export function squeezed(levels: readonly number[], steps: number): Uint8Array<ArrayBuffer> {
  const count = Math.min(steps, levels.length);
  const made = new Uint8Array(count);
  const loudest = levels.reduce((most, level) => Math.max(most, level), 0.05);
  for (let step = 0; step < count; step++) {
    const from = Math.floor((step * levels.length) / count);
    const to = Math.floor(((step + 1) * levels.length) / count);
    made[step] = Math.round((255 * Math.max(...levels.slice(from, to))) / loudest);
  }
  return made;
}
