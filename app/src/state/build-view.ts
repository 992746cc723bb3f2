/** The whole `View`, from what runs and what the app knows. Pure: what is to be done on a change is done in `app.svelte.ts`. */
import { nearbyView } from './nearby-view.ts';
import { ownDevicesView } from './own-devices.ts';
import type { Running } from './running.ts';
import { conversationView, meOf, nothingMoves, offersOf, peopleRows } from './snapshot.ts';
import { needingYou, transfersView } from './transfer-rows.ts';
import type { Connection, View } from './view.ts';
import type { StorageView } from './views/kept.ts';

/** What is there whether or not somebody is logged in. */
interface Common extends Pick<
  View,
  'phase' | 'theme' | 'updateReady' | 'transferSettings' | 'keepSettings' | 'storageFull'
> {
  storage: StorageView | undefined;
}

interface Around {
  /** The account was deleted, from another of its devices. */
  deleted: boolean;
  /** Without a connection the server is taken to be away. */
  expectConnection: boolean;
  freeBytes: number | undefined;
  /** Somebody looks at the list of transfers. */
  transfersWatched: boolean;
  now: number;
}

const commonView = ({ storage, ...common }: Common) => ({ ...common, ...(storage ? { storage } : {}) });

export const emptyView = (common: Common): View => ({
  ...commonView(common),
  connection: 'connecting',
  people: [],
  requests: [],
  joining: [],
  offers: [],
  moving: nothingMoves,
  needingYou: 0,
  discretion: { read: true, typing: true },
});

export function runningView(common: Common, running: Running, around: Around): View {
  const { engine, watch, groups, thumbnails, extras } = running;
  const { chats, discretion } = running.messaging;
  const { timeline, opening } = running.conversation;
  const conversation = timeline && conversationView(engine, timeline, chats, groups, around.deleted);
  return {
    ...commonView(common),
    connection: connectionOf(engine.connected, around),
    me: meOf(engine),
    discretion,
    ...peopleRows(engine, chats, groups, timeline?.account),
    joining: groups.joining(),
    offers: offersOf(engine, chats, thumbnails, around.freeBytes),
    moving: watch.moving,
    needingYou: needingYou(engine),
    ...(around.transfersWatched
      ? { transfers: transfersView(engine, chats, groups, extras, watch.series(around.now)) }
      : {}),
    ...(conversation ? { conversation } : {}),
    ...(opening === undefined ? {} : { opening }),
    ...ownDevicesView(engine),
    nearby: nearbyView(engine),
  };
}

function connectionOf(connected: boolean, { deleted, expectConnection }: Around): Connection {
  if (deleted) return 'deleted';
  if (connected) return 'online';
  return expectConnection ? 'offline' : 'connecting';
}
