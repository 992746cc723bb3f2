/**
 * Two network namespaces and nothing between them but the emulator (`bench/native/emulator.c`): what runs in one reaches the other only through a
 * line of a set rate, delay, queue and loss. Needs root, iproute2, a C compiler and /dev/net/tun; nothing leaves the machine.
 */
import { execFileSync, spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { native } from './native.ts';
import { atEnd, workspace } from './workspace.ts';

export type Side = 'a' | 'b';
type Way = 'ab' | 'ba';

/** One direction of the line. All of it is IP: headers count. */
export interface Conditions {
  /** Bits per second; 0 is no limit. */
  rateBits: number;
  /** One way. */
  delayMs: number;
  /** Drop-tail; 0 is no limit. */
  queueBytes: number;
  /** Share of the packets, after the queue. */
  loss: number;
  /** Share of the packets that come `reorderMs` later than the others. */
  reorder: number;
  reorderMs: number;
}

export interface Counters {
  udp: number;
  tcp: number;
  other: number;
}
export interface WaySample {
  /** What a packet that came now would wait, in ms, sampled every 10 ms since the sample before. */
  queueMs: number[];
  queueBytes: number;
  /** Counters since the start of the line. In: what came to the queue. Out: what was delivered. */
  inBytes: Counters;
  outBytes: Counters;
  inPackets: Counters;
  outPackets: Counters;
  overflowed: Counters;
  lost: Counters;
  cutOff: Counters;
  largestPacket: { udp: number; tcp: number };
}
export type LineSample = { /** ms since 1970. */ t: number; cut: boolean } & Record<Way, WaySample>;

const open: Conditions = { rateBits: 0, delayMs: 0, queueBytes: 0, loss: 0, reorder: 0, reorderMs: 0 };
const prefix = 'causeway-bench-';
const ip = (...args: string[]): void => void execFileSync('ip', args, { stdio: 'pipe' });

/** @returns why there can be no line here, or nothing. */
export function lineMissing(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux, for network namespaces';
  if (!existsSync('/dev/net/tun')) return 'needs /dev/net/tun';
  for (const [command, version] of [
    ['ip', '-V'],
    ['cc', '--version'],
  ] as const)
    try {
      execFileSync(command, [version], { stdio: 'pipe' });
    } catch {
      return `needs ${command === 'ip' ? 'iproute2 (ip)' : 'a C compiler (cc)'}`;
    }
  return undefined;
}

export class Line {
  /** Every 100 ms one. */
  readonly samples: LineSample[] = [];
  readonly #number = process.pid;
  readonly #emulator: ChildProcessByStdio<Writable, Readable, null>;
  readonly #children = new Set<ChildProcess>();
  readonly #remove: () => void;
  #waiting: ((sample: LineSample) => void)[] = [];

  private constructor(ready: (result: Error | undefined) => void) {
    removeLeftOvers();
    for (const side of ['a', 'b'] as const) ip('netns', 'add', this.#namespace(side));
    this.#remove = atEnd(() => {
      for (const child of this.#children) child.kill('SIGKILL');
      this.#emulator.kill('SIGKILL');
      for (const side of ['a', 'b'] as const) ip('netns', 'del', this.#namespace(side));
    });
    this.#emulator = spawn(native('emulator'), [this.#namespace('a'), this.#namespace('b'), '1'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#emulator.once('exit', (code) => ready(new Error(`the emulator ended (${code ?? 'killed'})`)));
    createInterface(this.#emulator.stdout).on('line', (text) => {
      const sample = JSON.parse(text) as LineSample | { ready: true };
      if ('ready' in sample) {
        ready(undefined);
        return;
      }
      this.samples.push(sample);
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const tell of waiting) tell(sample);
    });
  }

  static async create(): Promise<Line> {
    let line: Line | undefined;
    await new Promise<void>((done, failed) => {
      line = new Line((error) => (error ? failed(error) : done()));
    });
    if (!line) throw new Error('unreachable: the promise is settled by the line');
    line.#address('a');
    line.#address('b');
    return line;
  }

  address(side: Side): string {
    return `10.214.7.${side === 'a' ? 1 : 2}`;
  }

  /** What is not named is open: no limit, no delay, no loss. */
  set(conditions: Partial<Conditions>, back: Partial<Conditions> = conditions): void {
    this.#command('ab', { ...open, ...conditions });
    this.#command('ba', { ...open, ...back });
  }

  cut(): void {
    this.#emulator.stdin.write('cut\n');
  }

  restore(): void {
    this.#emulator.stdin.write('restore\n');
  }

  /** The next sample, in at most 100 ms. */
  next(): Promise<LineSample> {
    return new Promise((tell) => this.#waiting.push(tell));
  }

  /** Samples of a span of time, in ms since 1970. */
  between(fromMs: number, toMs: number): LineSample[] {
    return this.samples.filter(({ t }) => t >= fromMs && t <= toMs);
  }

  /** Starts a program on one side; it ends with the line. */
  run(
    side: Side,
    program: string,
    args: string[],
    env: NodeJS.ProcessEnv = {},
  ): ChildProcessByStdio<null, Readable, null> {
    const child = spawn('ip', ['netns', 'exec', this.#namespace(side), program, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  /** @returns the path of a script that runs `program` on one side, for what wants a path only. */
  wrapper(side: Side, program: string): string {
    const path = join(workspace, `inside-${side}`);
    writeFileSync(path, `#!/bin/sh\nexec ip netns exec ${this.#namespace(side)} ${program} "$@"\n`);
    chmodSync(path, 0o755);
    return path;
  }

  close(): void {
    this.#remove();
  }

  #namespace(side: Side): string {
    return `${prefix}${this.#number}-${side}`;
  }

  #address(side: Side): void {
    const inside = (...args: string[]): void => ip('-n', this.#namespace(side), ...args);
    ip('netns', 'exec', this.#namespace(side), 'sh', '-c', 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6');
    inside('link', 'set', 'lo', 'up');
    // The only queue is the emulator's: the device itself must never be the one that drops.
    inside('link', 'set', 'line', 'txqueuelen', '20000', 'up');
    inside('addr', 'add', this.address(side), 'peer', this.address(side === 'a' ? 'b' : 'a'), 'dev', 'line');
    // A browser that has no camera permission tells only of the address of its default route.
    inside('route', 'add', 'default', 'dev', 'line');
  }

  #command(way: Way, { rateBits, delayMs, queueBytes, loss, reorder, reorderMs }: Conditions): void {
    const settings = {
      rate_bits: rateBits,
      delay_us: delayMs * 1000,
      queue_bytes: queueBytes,
      loss_ppm: loss * 1e6,
      reorder_ppm: reorder * 1e6,
      reorder_us: reorderMs * 1000,
    };
    const pairs = Object.entries(settings).map(([key, value]) => `${key}=${Math.round(value)}`);
    this.#emulator.stdin.write(`set ${way} ${pairs.join(' ')}\n`);
  }
}

/** Namespaces of a run that was killed; those of one that is alive stay. */
function removeLeftOvers(): void {
  if (!existsSync('/var/run/netns')) return;
  for (const name of readdirSync('/var/run/netns')) {
    const owner = new RegExp(`^${prefix}(\\d+)-[ab]$`).exec(name)?.[1];
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) ip('netns', 'del', name);
  }
}
