/** The connection of a browser that is logged in and no device yet: it asks a device of its account for approval, and nothing else. */
import type { ServerEvent } from '../protocol/events.ts';
import type { DeviceId } from '../protocol/ids.ts';
import type { Device } from '../protocol/people.ts';
import { listen, openSocket, request, type SocketOptions } from './socket.ts';

export interface GuestConnection {
  /** Resolves to whether the server passed it on. */
  send(from: Device, to: DeviceId, box: string): Promise<boolean>;
  close(): void;
}

/** Resolves once the server has welcomed it; undefined when it does not. */
export async function connectGuest(
  options: SocketOptions & { approval: (step: ServerEvent<'approval'>) => void },
): Promise<GuestConnection | undefined> {
  const socket = openSocket(options);
  listen(socket, 'approval', options.report, options.approval);
  const welcomed = await new Promise<boolean>((decided) => {
    listen(socket, 'welcome', options.report, () => decided(true));
    socket.on('connect_error', () => decided(false));
  });
  if (!welcomed) {
    socket.disconnect();
    return undefined;
  }
  return {
    send: async (from, to, box) => (await request(socket, 'approval', { from, to, box }, options.report)).ok,
    close: () => void socket.disconnect(),
  };
}
