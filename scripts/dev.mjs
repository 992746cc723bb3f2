/**
 * `npm run dev`: the app with hot reload on PORT (8080), the server behind it, started anew when its sources change. Both end together.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { root } from './freshness.mjs';

const port = process.env.PORT || '8080';
const serverPort = process.env.CAUSEWAY_DEV_SERVER_PORT || '8081';
const bin = (name) => join(root, 'node_modules/.bin', process.platform === 'win32' ? `${name}.cmd` : name);
const host = process.env.HOST ? ['--host', process.env.HOST] : [];
// Vite's proxy may put its target into Host, by which the server else knows its own pages.
const publicUrl = process.env.PUBLIC_URL || (process.env.HOST ? '' : `http://localhost:${port}`);

const children = [
  start(bin('tsx'), ['watch', '--clear-screen=false', 'signaling/main.ts'], {
    PORT: serverPort,
    HOST: '127.0.0.1',
    PUBLIC_URL: publicUrl,
  }),
  start(bin('vite'), ['--port', port, '--strictPort', ...host], {
    CAUSEWAY_DEV_SERVER: `http://127.0.0.1:${serverPort}`,
  }),
];

let ending = false;
process.on('SIGINT', () => end(0));
process.on('SIGTERM', () => end(0));
for (const child of children) {
  child.on('error', (error) => {
    console.error(`${child.spawnfile} could not be started: ${error.message}. Run "npm ci" first.`);
    end(1);
  });
  child.on('exit', (code) => end(code ?? 1));
}

function start(command, args, env) {
  return spawn(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
}

function end(code) {
  if (ending) return;
  ending = true;
  process.exitCode = code;
  for (const child of children) child.kill('SIGTERM');
}
