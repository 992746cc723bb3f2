/** Reads the JSON body of a request, with a cap. */
import type { IncomingMessage } from 'node:http';
import { fromUtf8 } from '../../protocol/bytes.ts';
import { ProtocolError } from '../../protocol/errors.ts';

/** The largest body is a registration: under 12 KiB. */
const bodyBytes = 32 * 1024;

/** @throws ProtocolError `malformed` or `too-large`. */
export async function readJson(request: IncomingMessage): Promise<unknown> {
  // A form of another site cannot send this type without the browser asking first.
  if (!/^application\/json\s*(?:;|$)/i.test(request.headers['content-type'] ?? ''))
    throw new ProtocolError('malformed', 'content-type');
  if (Number(request.headers['content-length'] ?? 0) > bodyBytes) throw new ProtocolError('too-large', 'body');
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > bodyBytes) throw new ProtocolError('too-large', 'body');
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof ProtocolError) throw error;
    throw new ProtocolError('malformed', 'the connection broke'); // nobody is left to read the answer
  }
  try {
    return JSON.parse(fromUtf8(Buffer.concat(chunks)));
  } catch {
    throw new ProtocolError('malformed', 'JSON');
  }
}
