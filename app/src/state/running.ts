/**
 * All that exists while an account is logged in on this tab: the engine with its ports, and what the screens need beside it. Loaded then, so that
 * a first visit does not wait for it: only types of this file may be imported otherwise.
 */
import { Causeway } from '../../../engine/causeway.ts';
import type { DeviceKeys } from '../../../engine/ports.ts';
import type { SignalingEvents } from '../../../engine/signaling.ts';
import { groupCrypto } from '../../../keys/group-crypto.ts';
import { deviceKeys, hashes, random, signatures } from '../../../keys/web-crypto.ts';
import { connectSignaling } from '../../../link/socket-signaling.ts';
import { openWebRtc } from '../../../link/web-rtc.ts';
import type { OwnAccount } from '../../../protocol/http.ts';
import type { AccountId, OfferId } from '../../../protocol/ids.ts';
import * as api from '../platform/api.ts';
import type { BlobStore } from '../platform/blob-store.ts';
import type { KeepSettings } from '../kept/keep-rule.ts';
import { clock } from '../platform/clock.ts';
import { deleteAccount, openAccount, type AccountDatabase, type Identity } from '../platform/database.ts';
import { DeviceBlobs } from '../platform/device-blobs.ts';
import { idbFeeds } from '../platform/idb-feeds.ts';
import { watchedFeeds } from '../platform/watched-feeds.ts';
import { idbRecords } from '../platform/idb-records.ts';
import { guard, resultOf } from './action-result.ts';
import { BundleState, type BundleChoice } from './bundle-state.ts';
import type { Bundles } from './bundles.ts';
import { Contacts } from './contacts.ts';
import type { CardExtras } from './file-cards.ts';
import { Files } from './files.ts';
import { GroupState } from './groups.ts';
import { KeptFiles } from './kept-files.ts';
import { Media } from './media.ts';
import { Messaging } from './messaging.ts';
import { OpenConversation } from './open-conversation.ts';
import { Self } from './self.ts';
import { personRow } from './snapshot.ts';
import { talkIn, type Talk } from './talk.ts';
import { Thumbnails } from './thumbnails.ts';
import { applySettings, type TransferSettings } from './transfer-settings.ts';
import { TransferWatch } from './transfer-watch.ts';
import type { PersonRow } from './view.ts';

export interface Running {
  identity: Identity;
  readonly engine: Causeway;
  readonly store: BlobStore;
  readonly blobs: DeviceBlobs;
  readonly thumbnails: Thumbnails;
  readonly extras: CardExtras;
  readonly messaging: Messaging;
  readonly groups: GroupState;
  readonly contacts: Contacts;
  readonly files: Files;
  readonly kept: KeptFiles;
  readonly media: Media;
  readonly self: Self;
  readonly conversation: OpenConversation;
  readonly watch: TransferWatch;
  /** Loaded when something is done with a bundle. */
  bundles(): Promise<Bundles>;
  stop(): Promise<void>;
  /** Everything of the account leaves this browser. To be called when it is stopped. */
  forget(): Promise<void>;
}

export interface RunningPorts {
  store: BlobStore;
  /** What is running now: nothing before it has started, and once it stops. */
  running(): Running | undefined;
  transferSettings(): TransferSettings;
  keepSettings(): KeepSettings;
  transfersWatched(): boolean;
  /** Shows at once what changed; `changed` soon. */
  show(): void;
  changed(): void;
  /** Calls `run` whenever something changed, until the function that comes back is called. */
  listen(run: () => void): () => void;
  account(account: OwnAccount): void;
  stopped(reason: Parameters<SignalingEvents['stopped']>[0]): void;
  /** Nobody takes any more what this device writes; said as long as there is a connection. */
  forked(): void;
  /** Whether there is no room for messages; said with every write. */
  full(full: boolean): void;
  /** Another tab takes the database. */
  lost(): void;
  report: (problem: unknown) => void;
}

export async function startRunning(identity: Identity, ports: RunningPorts): Promise<Running> {
  const { store, report } = ports;
  const changed = () => ports.changed();
  const db = await openAccount(identity.account.id, () => ports.lost());
  const blobs = new DeviceBlobs(store, db, (offer, file) => bundleOf(ports.running(), offer, file)?.manifestBytes);
  const bundleState = new BundleState(idbRecords<BundleChoice>(db, 'choices'), changed);
  await bundleState.load();
  const engine = await startEngine(identity, db, blobs, ports);
  const thumbnails = new Thumbnails(changed, report);
  applySettings(engine.transfers, ports.transferSettings());
  const watch = new TransferWatch(engine, changed);
  watch.show(ports.transfersWatched());
  const extras: CardExtras = {
    thumbnails,
    bundles: bundleState,
    problemsOf: (offer, file) => blobs.problemsOf(offer, file),
  };
  const conversation = new OpenConversation({ engine, extras, show: () => ports.show(), changed, report });
  const open = (account: AccountId) => void conversation.open(account).catch(report);
  const groups = new GroupState({ engine, open, changed, guard, report });
  const rowOf = ({ group, person, account }: Talk): PersonRow => {
    const chat = messaging.chats.of(account);
    if (group) return groups.row(group, chat);
    if (!person) throw new Error('a talk is with a person or in a group');
    return personRow(engine, person, chat);
  };
  const messaging: Messaging = await Messaging.start({
    engine,
    db,
    timeline: () => conversation.timeline,
    open: (account) => conversation.open(account),
    guard: (work) => guard(async () => resultOf(await work())),
    rowOf,
    changed: () => ports.show(),
    report,
  });
  const kept = new KeptFiles({ engine, store, settings: () => ports.keepSettings(), rowOf, report });
  kept.begin();
  let loaded: Promise<Bundles> | undefined;
  const bundles = () =>
    (loaded ??= import('./bundles.ts').then(
      (module) =>
        new module.Bundles({
          engine,
          store,
          blobs,
          kept,
          state: bundleState,
          listen: (run) => ports.listen(run),
          report,
        }),
    ));
  return {
    identity,
    engine,
    store,
    blobs,
    thumbnails,
    extras,
    messaging,
    groups,
    contacts: new Contacts({ engine, open, report }),
    files: new Files({ engine, kept, blobs, thumbnails, bundles, report }),
    kept,
    media: new Media({ engine, blobs, received: ({ offer, file }) => kept.open(offer, file) }),
    self: new Self(engine, report),
    conversation,
    watch,
    bundles,
    async stop() {
      thumbnails.release();
      watch.stop();
      kept.stop();
      conversation.stop();
      messaging.stop();
      groups.stop();
      await engine.stop();
      db.close();
    },
    async forget() {
      const files = engine.transfers
        .all()
        .flatMap(({ offer, offered }) => Array.from(offered?.files.keys() ?? [], (file) => ({ offer, file })));
      await Promise.all(files.map(({ offer, file }) => blobs.forget(offer, file)));
      db.close();
      await deleteAccount(identity.account.id);
    },
  };
}

function startEngine(
  identity: Identity,
  db: AccountDatabase,
  blobs: DeviceBlobs,
  ports: RunningPorts,
): Promise<Causeway> {
  const { report } = ports;
  const keys = deviceKeys(identity.device.id, identity.keys);
  return Causeway.start(
    {
      clock,
      random,
      hashes,
      signatures,
      keys,
      openWire: openWebRtc,
      connect: (events) =>
        connectSignaling({ keys, events, report, renew: () => renewSession(identity.account.id, keys) }),
      feeds: watchedFeeds(idbFeeds(db), (full) => ports.full(full)),
      blobs,
      people: idbRecords(db, 'people'),
      offers: idbRecords(db, 'offers'),
      summaries: idbRecords(db, 'summaries'),
      deliveries: idbRecords(db, 'deliveries'),
      queue: idbRecords(db, 'queue'),
      choices: idbRecords(db, 'own-choices'),
      annotations: idbRecords(db, 'annotations'),
      marks: idbRecords(db, 'marks'),
      expiries: idbRecords(db, 'expiries'),
      groups: idbRecords(db, 'groups'),
      forks: idbRecords(db, 'forks'),
      crypto: groupCrypto,
      report,
    },
    identity.account,
    {
      changed: () => {
        const running = ports.running();
        running?.groups.look();
        if (running?.engine.connected && running.engine.feeds.isForked) ports.forked();
        ports.changed();
      },
      committed: (entries) => {
        const running = ports.running();
        const [first] = entries;
        const talk = running && first && talkIn(running.engine, first.conversation);
        if (talk) running.messaging.committed(talk, entries);
        running?.kept.committed(entries);
        if (running) running.conversation.committed(talk, entries);
        else ports.changed();
      },
      ahead: (conversation) => {
        const running = ports.running();
        running?.conversation.ahead(talkIn(running.engine, conversation));
      },
      altered: (conversation, messages) => {
        const running = ports.running();
        running?.messaging.altered(conversation, messages);
        running?.conversation.altered(conversation, messages);
      },
      account: (account) => ports.account(account),
      stopped: (reason) => ports.stopped(reason),
    },
  );
}

async function renewSession(
  account: AccountId,
  keys: DeviceKeys,
): Promise<'yes' | 'no' | 'revoked' | 'deleted' | 'no-server'> {
  const answer = await api.resume(account, keys);
  if (answer.ok) return 'yes';
  if (answer.error.code === 'unknown-device') return 'revoked';
  if (answer.error.code === 'account-deleted') return 'deleted';
  return answer.error.code === 'not-allowed' ? 'no' : 'no-server';
}

const bundleOf = (running: Running | undefined, offer: OfferId, file: number) =>
  running?.engine.transfers.get(offer)?.offered?.files[file]?.bundle;
