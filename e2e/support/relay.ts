/** A real coturn with the configuration that is deployed, on one address of this machine. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const deployed = new URL('../../deploy/turnserver.conf', import.meta.url).pathname;
const placeholder = 'REPLACE-WITH-THE-SECRET';
const port = 3478;

export class Relay {
  private constructor(
    private readonly process: ChildProcess,
    private readonly folder: string,
  ) {}

  static available(): boolean {
    try {
      execFileSync('turnserver', ['--version'], { stdio: 'pipe' });
      return true;
    } catch {
      return false; // not installed
    }
  }

  static url(address: string): string {
    return `turn:${address}:${port}?transport=udp`;
  }

  /** @param peers the range of addresses that may be relayed to, such as `10.0.0.0-10.0.0.255`: private ones are denied otherwise. */
  static async start(address: string, secret: string, peers: string): Promise<Relay> {
    const folder = mkdtempSync(join(tmpdir(), 'causeway-relay-'));
    const config = join(folder, 'turnserver.conf');
    writeFileSync(
      config,
      readFileSync(deployed, 'utf8').replace(`static-auth-secret=${placeholder}`, `static-auth-secret=${secret}`),
    );
    const own = { 'listening-ip': address, 'relay-ip': address, 'allowed-peer-ip': peers };
    const files = { pidfile: join(folder, 'pid'), userdb: join(folder, 'turndb') };
    const options = Object.entries({ ...own, ...files }).map(([name, value]) => `--${name}=${value}`);
    const process = spawn('turnserver', ['-c', config, ...options], { stdio: 'ignore' });
    const relay = new Relay(process, folder);
    try {
      await listening(address, process);
      return relay;
    } catch (error) {
      await relay.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const exited = once(this.process, 'exit');
      this.process.kill('SIGKILL');
      await exited;
    }
    rmSync(this.folder, { recursive: true });
  }
}

async function listening(address: string, process: ChildProcess): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline && process.exitCode === null) {
    const socket = connect(port, address);
    const there = await Promise.race([
      once(socket, 'connect').then(() => true),
      new Promise<false>((no) => socket.once('error', () => no(false))),
    ]).catch(() => false);
    socket.destroy();
    if (there) return;
    await new Promise((next) => setTimeout(next, 50));
  }
  throw new Error(`coturn did not come up (${process.exitCode ?? 'no listener'})`);
}
