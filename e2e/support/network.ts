/**
 * A network of its own for one browser: a namespace behind a veth pair, whose cable can be pulled. Needs root and iproute2; nothing leaves
 * the machine.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromiumPath } from './person.ts';

const ip = (...args: string[]): void => void execFileSync('ip', args, { stdio: 'pipe' });

export class Network {
  readonly #folder = mkdtempSync(join(tmpdir(), 'causeway-net-'));
  /** Runs the browser inside. */
  readonly browser = join(this.#folder, 'chromium');

  /** Of the browser: the one that it has, and the one that it moves to. */
  #addresses: [string, string];

  private constructor(
    private readonly name: string,
    private readonly outside: string,
    /** Address of the machine as seen from inside. */
    readonly host: string,
  ) {
    const [, net = '', number = ''] = /^(.*\.)(\d+)$/.exec(host) ?? [];
    this.#addresses = [`${net}${Number(number) + 1}`, `${net}${Number(number) + 2}`];
  }

  static available(): boolean {
    if (process.getuid?.() !== 0) return false;
    try {
      ip('-V');
      return true;
    } catch {
      return false; // not installed
    }
  }

  /** The machine as it will be seen from inside. */
  static hostOf(which: number): string {
    return `10.213.${process.pid % 250}.${8 * which + 1}`;
  }

  /** @param which of several that are there at a time, 0 to 9. */
  static create(which = 0): Network {
    const number = process.pid % 250;
    const name = `causeway${number}-${which}`;
    const outside = `cwo${number}-${which}`;
    const network = new Network(name, outside, Network.hostOf(which));
    ip('netns', 'add', name);
    ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
    ip('addr', 'add', `${network.host}/29`, 'dev', outside);
    ip('link', 'set', outside, 'up');
    ip('-n', name, 'addr', 'add', `${network.#addresses[0]}/29`, 'dev', 'eth0');
    ip('-n', name, 'link', 'set', 'lo', 'up');
    ip('-n', name, 'link', 'set', 'eth0', 'up');
    // A browser that has no camera permission tells only of the address of its default route.
    ip('-n', name, 'route', 'add', 'default', 'via', network.host);
    writeFileSync(network.browser, `#!/bin/sh\nexec ip netns exec ${name} ${chromiumPath} "$@"\n`);
    chmodSync(network.browser, 0o755);
    return network;
  }

  /** From now on the browser reaches the machine alone, and the one in the other network not even through it. */
  cutOffFrom(other: Network): void {
    for (const address of other.#addresses) ip('-n', this.name, 'route', 'add', 'unreachable', `${address}/32`);
  }

  pull(): void {
    ip('link', 'set', this.outside, 'down');
  }

  plug(): void {
    ip('link', 'set', this.outside, 'up');
  }

  /** The browser comes to be at another address, as when it changes from one network to another. */
  move(): void {
    const [from, to] = this.#addresses;
    ip('-n', this.name, 'addr', 'del', `${from}/29`, 'dev', 'eth0');
    ip('-n', this.name, 'addr', 'add', `${to}/29`, 'dev', 'eth0');
    ip('-n', this.name, 'route', 'replace', 'default', 'via', this.host);
    this.#addresses = [to, from];
  }

  remove(): void {
    ip('link', 'del', this.outside);
    ip('netns', 'del', this.name);
    rmSync(this.#folder, { recursive: true });
  }
}
