/** Where and when a run was made, so that figures of two runs are not compared that cannot be. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { chromiumPath, firefoxPath } from '../../e2e/support/person.ts';

export interface Machine {
  processor: string;
  cores: number;
  memoryGb: number;
  kernel: string;
  node: string;
  chromium: string;
  firefox: string;
  commit: string;
  /** Files that differ from the commit, beside results of benches. */
  changedFiles: string[];
  at: string;
}

/** Above this load at the start, per core, something else was using the machine. */
const NOISY_LOAD_PER_CORE = 0.25;

export function machine(): Machine {
  const changed = output('git', 'status', '--porcelain')
    .split('\n')
    .filter((line) => line && !line.includes('bench/results/'));
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 1e9),
    kernel: release(),
    node: process.version,
    chromium: version(chromiumPath),
    firefox: version(firefoxPath),
    commit: output('git', 'rev-parse', '--short=9', 'HEAD'),
    changedFiles: changed.map((line) => line.slice(3)),
    at: new Date().toISOString(),
  };
}

/** Load of the last minute per core; `noisy` when a measurement now says little about the program. */
export function load(): { perCore: number; noisy: boolean } {
  const perCore = (loadavg()[0] ?? 0) / cpus().length;
  return { perCore: Number(perCore.toFixed(2)), noisy: perCore > NOISY_LOAD_PER_CORE };
}

/** Time that the processors had nothing to do and time in all, in ticks since the start of the machine; Linux only. */
export function processorTime(): { idle: number; all: number } {
  const ticks = (/^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? '').split(' ').slice(0, 8).map(Number);
  return { idle: (ticks[3] ?? 0) + (ticks[4] ?? 0), all: ticks.reduce((sum, one) => sum + one, 0) };
}

const version = (path: string): string => output(path, '--version').replace(/ built on.*/, '') || 'not found';

function output(command: string, ...args: string[]): string {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return ''; // not installed, or not a checkout: the record says that it is not known
  }
}
