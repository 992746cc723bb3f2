/** The built server as its own process, so that a journey can kill it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const entry = new URL('../../dist/server/main.js', import.meta.url).pathname;

export class Server {
  #child: ChildProcess | undefined;
  #log = '';

  private constructor(
    readonly port: number,
    readonly folder: string,
    private readonly env: Record<string, string>,
  ) {}

  static async start(env: Record<string, string> = {}): Promise<Server> {
    if (!existsSync(entry)) throw new Error('dist/server is missing: run "npm run build" first');
    const server = new Server(await freePort(), await mkdtemp(join(tmpdir(), 'causeway-e2e-')), env);
    await server.up();
    return server;
  }

  get url(): string {
    return `http://localhost:${this.port}`;
  }

  /** What the server wrote to its log. */
  get log(): string {
    return this.#log;
  }

  async up(): Promise<void> {
    const child = spawn(process.execPath, [entry], {
      env: { ...process.env, HOST: '127.0.0.1', ...this.env, PORT: String(this.port), DATA_DIR: this.folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    child.stdout.on('data', (text: Buffer) => (this.#log += text.toString()));
    child.stderr.on('data', (text: Buffer) => (this.#log += text.toString()));
    const deadline = Date.now() + 20_000;
    while (Date.now() < deadline) {
      if (child.exitCode !== null) break;
      if (await healthy(this.url)) return;
      await new Promise((next) => setTimeout(next, 50));
    }
    throw new Error(`the server did not come up:\n${this.#log}`);
  }

  /** Ends the process at once and waits until it is gone. */
  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  /** Bytes that the process read and wrote through the kernel so far, sockets and files together. */
  movedBytes(): number {
    const io = readFileSync(`/proc/${this.#child?.pid ?? 0}/io`, 'utf8');
    return ['rchar', 'wchar'].reduce((sum, name) => sum + Number(new RegExp(`^${name}: (\\d+)`, 'm').exec(io)?.[1]), 0);
  }

  async stop(): Promise<void> {
    await this.kill('SIGTERM');
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function healthy(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/healthz`)).ok;
  } catch {
    return false; // not listening yet
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
