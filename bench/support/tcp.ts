/** One TCP flow over the line, from side a to side b, as a yardstick or as somebody else's traffic. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Line } from './line.ts';
import { native } from './native.ts';
import type { Series } from './series.ts';

export type CongestionControl = 'cubic' | 'bbr';
const port = 5201;

/** @returns what the receiver's program read over time. */
export async function tcpFlow(line: Line, control: CongestionControl, seconds: number): Promise<Series> {
  const program = native('tcp-flow');
  const receiver = line.run('b', program, ['receive', String(port)]);
  const series: Series = [];
  const lines = createInterface(receiver.stdout);
  lines.on('line', (text) => {
    const { t, bytes } = JSON.parse(text) as { t?: number; bytes?: number };
    if (t !== undefined && bytes !== undefined) series.push([t, bytes]);
  });
  await once(lines, 'line'); // it listens
  const sender = line.run('a', program, ['send', line.address('b'), String(port), control, String(seconds)]);
  const [code] = (await once(sender, 'exit')) as [number | null];
  receiver.kill('SIGKILL');
  if (code !== 0) throw new Error(`the TCP sender failed (${code ?? 'killed'}): is ${control} in this kernel?`);
  return series;
}
