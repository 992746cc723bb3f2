/**
 * The server as a process: settings from the environment, log to the standard output, signals, exit codes. 0 after a graceful stop, 1 when
 * it cannot start or run, 2 for a wrong setting.
 */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { serve, type RunningServer } from './serve.ts';
import { readSettings, type Settings } from './settings.ts';
import { openLowdbStore } from './store/lowdb-store.ts';
import { StoreOpenError } from './store/store.ts';

/** A stop that takes longer than this is a fault; the store is safe at every moment anyway. */
const stopTimeoutMs = 8000;

function fail(sentence: string, exitCode: number): never {
  process.stderr.write(`${sentence}\n`);
  process.exit(exitCode);
}

async function start(): Promise<RunningServer> {
  const read = readSettings(process.env);
  if ('mistakes' in read) fail(read.mistakes.join('\n'), 2);
  const { settings } = read;
  // No host name, no process id: a log line is about the server's work alone.
  const log = pino({ level: settings.LOG_LEVEL, base: null });
  try {
    const store = await openLowdbStore({ folder: resolve(settings.DATA_DIR) });
    const size = store.size();
    const running = await serve(settings, store, log, clientFolder(settings));
    log.info({ url: running.url, store: size }, 'listening');
    stopOnSignals(running, log);
    return running;
  } catch (error) {
    return fail(sentenceFor(error, settings), 1);
  }
}

/** Beside this file when it is the built one, else in the working tree. */
function clientFolder({ CLIENT_DIR }: Settings): string {
  if (CLIENT_DIR !== '') return resolve(CLIENT_DIR);
  const built = fileURLToPath(new URL('../client', import.meta.url));
  return existsSync(built) ? built : fileURLToPath(new URL('../dist/client', import.meta.url));
}

function stopOnSignals(running: RunningServer, log: pino.Logger): void {
  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping');
    setTimeout(() => {
      log.error('stopping took too long');
      process.exit(1);
    }, stopTimeoutMs).unref();
    running.stop().then(
      () => {
        log.info('stopped');
        process.exit(0);
      },
      (error: unknown) => {
        log.error({ err: error }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // What got this far is a fault of the server; it is safer to begin anew than to go on in an unknown state.
  const broken = (error: unknown): void => {
    log.fatal({ err: error }, 'an unexpected error ended the server');
    process.exit(1);
  };
  process.on('uncaughtException', broken);
  process.on('unhandledRejection', broken);
}

function sentenceFor(error: unknown, { HOST, PORT, DATA_DIR }: Settings): string {
  if (error instanceof StoreOpenError) return error.message;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'EADDRINUSE')
    return `Port ${PORT} on ${HOST} is in use. Stop the program that has it, or choose another with PORT.`;
  if (code === 'EADDRNOTAVAIL') return `HOST ${HOST} is no address of this machine.`;
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return `No permission: check that DATA_DIR (${resolve(DATA_DIR)}) can be written to, and that port ${PORT} may be used.`;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return `The disk of DATA_DIR (${resolve(DATA_DIR)}) is full. Make room and start again.`;
  return `The server cannot start: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}

/** For `scripts/start.mjs`, which says the address to whoever started it. */
export const running = await start();
