/**
 * Serves the built app. Files whose name carries their hash are kept by browsers for good; everything else is asked for again each time,
 * so that an update is seen at once. Files of the build before stay reachable for pages that are still open (`dist/previous`).
 */
import { existsSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import sirv from 'sirv';

type Serve = (request: IncomingMessage, response: ServerResponse) => void;

export function createStaticFiles(folder: string): Serve {
  if (!existsSync(join(folder, 'index.html'))) {
    return (_request, response) => {
      response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' });
      response.end('The app is not built yet: run "npm run build", or use the address of "npm run dev".\n');
    };
  }
  const setHeaders = (response: ServerResponse, path: string): void => {
    const hashed = /^\/assets\/.+-[A-Za-z0-9_-]{8}\.\w+$/.test(path);
    response.setHeader('Cache-Control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache');
  };
  const options = { etag: true, gzip: true, brotli: true, setHeaders };
  const current = sirv(folder, { ...options, single: true });
  const previousFolder = join(folder, '..', 'previous');
  const previous = existsSync(previousFolder) ? sirv(previousFolder, options) : undefined;
  const missing: Serve = (_request, response) => {
    response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' });
    response.end('Not found\n');
  };
  return (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { Allow: 'GET, HEAD' });
      response.end();
      return;
    }
    current(request, response, () => {
      if (previous) previous(request, response, () => missing(request, response));
      else missing(request, response);
    });
  };
}
