/** Events about being found by those behind the same address. Leaving is never refused. */
import type { EventFunctions, EventParts } from './events.ts';

export const nearbyEvents = ({ nearby }: EventParts): EventFunctions<'nearby:join' | 'nearby:leave'> => ({
  async 'nearby:join'(connection, { place }) {
    return { value: await nearby.join(connection, place) };
  },
  'nearby:leave'(connection) {
    nearby.leave(connection);
    return Promise.resolve({ value: null });
  },
});
