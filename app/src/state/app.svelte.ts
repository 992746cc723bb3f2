/**
 * The app: which phase it is in, the engine of the account that is logged in, and the one `View` that the screens show. Built in `main.ts`;
 * knows no component.
 */
import { deviceKeys, hashes, random, signatures } from '../../../keys/web-crypto.ts';
import type { Causeway, Outcome } from '../../../engine/causeway.ts';
import { fileKey } from '../../../engine/exchange/offer.ts';
import type { Move } from '../../../engine/exchange/queue.ts';
import type { AcceptRule } from '../../../engine/exchange/rules.ts';
import type { OwnAccount } from '../../../protocol/http.ts';
import type { AccountId, OfferId } from '../../../protocol/ids.ts';
import { toUtf8 } from '../../../protocol/bytes.ts';
import { limits } from '../../../protocol/limits.ts';
import { Handle, fileName } from '../../../protocol/names.ts';
import { SinkError, SourceError, type Clock, type DeviceKeys } from '../../../engine/ports.ts';
import * as v from 'valibot';
import * as api from '../platform/api.ts';
import { BlobStore } from '../platform/blob-store.ts';
import {
  deleteAccount,
  openAccount,
  readIdentity,
  readSetting,
  writeIdentity,
  writeSetting,
  type AccountDatabase,
  type Identity,
} from '../platform/database.ts';
import { DeviceBlobs, isSame } from '../platform/device-blobs.ts';
import { BesideProgress } from '../platform/beside-progress.ts';
import { missingFeature } from '../platform/environment.ts';
import { idbFeeds } from '../platform/idb-feeds.ts';
import { idbRecords } from '../platform/idb-records.ts';
import { saveAs } from '../platform/save.ts';
import { claimEngine } from '../platform/tab.ts';
import { makeThumbnail } from '../platform/thumbnails.ts';
import { BundleState, type BundleChoice } from './bundle-state.ts';
import type { Bundles } from './bundles.ts';
import type { CardExtras } from './file-cards.ts';
import { lazyBundles } from './lazy-bundles.ts';
import { SpaceWatch } from './free-space.ts';
import { intoOffers, thumbnailBudget } from './outgoing-files.ts';
import * as session from './session.ts';
import { conversationView, meOf, offersOf, peopleRows, transferring } from './snapshot.ts';
import { Thumbnails } from './thumbnails.ts';
import { Timeline } from './timeline.ts';
import { transfersView } from './transfer-rows.ts';
import { applySettings, defaultTransferSettings, type TransferSettings } from './transfer-settings.ts';
import { TransferWatch } from './transfer-watch.ts';
import type { ActionResult, Actions, Phase, StorageView, Theme, View } from './view.ts';

const clock: Clock = {
  now: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

/** The view is rebuilt at most this often. While bytes move it changes all the time, and painting takes from the transfer (docs/decisions). */
const refreshMs = 50;
/** As long as this a start may take before the person is told that the server does not answer. */
const connectMs = 4000;
const refreshWhileMovingMs = 500;
const ok: ActionResult = { ok: true };

/** All that exists while an account is logged in on this tab. */
interface Running {
  identity: Identity;
  engine: Causeway;
  db: AccountDatabase;
  blobs: DeviceBlobs;
  thumbnails: Thumbnails;
  bundleState: BundleState;
  /** Loaded when something is done with a bundle. */
  bundles?: Promise<Bundles>;
  timeline: Timeline | undefined;
  watch: TransferWatch;
}

export class App implements Actions {
  view = $state.raw<View>({
    phase: { kind: 'starting' },
    connection: 'connecting',
    people: [],
    requests: [],
    offers: [],
    moving: { running: 0 },
    transferSettings: defaultTransferSettings,
    theme: 'system',
    updateReady: false,
  });
  #phase: Phase = { kind: 'starting' };
  #theme: Theme = 'system';
  #transferSettings = defaultTransferSettings;
  #transfersWatched = false;
  readonly #beside: BesideProgress;
  #updateReady = false;
  #applyUpdate: () => void = () => undefined;
  #storage: StorageView | undefined;
  readonly #space = new SpaceWatch(
    () => this.#store?.freeBytes() ?? Promise.resolve(undefined),
    () => this.#changed(),
    (problem) => this.report(problem),
  );
  #running: Running | undefined;
  /** Logged in, but not a device yet. */
  #visiting: OwnAccount | undefined;
  #store: BlobStore | undefined;
  /** Without a connection the server is taken to be away: it was there, or had time enough to answer. */
  #expectConnection = false;
  #connectTimer: ReturnType<typeof setTimeout> | undefined;
  /** Logging out is under way: that the server ends the session is no news then. */
  #leaving = false;
  #refresh: ReturnType<typeof setTimeout> | undefined;

  /** Told of every change at once. */
  // eslint-disable-next-line svelte/prefer-svelte-reactivity -- nothing is shown of it
  readonly #listeners = new Set<() => void>();
  readonly bundles = lazyBundles(() => this.#loadBundles(), guard);

  constructor(private readonly report: (problem: unknown) => void) {
    this.#beside = new BesideProgress(report);
  }

  async start(): Promise<void> {
    if (!isSecureContext) {
      this.#enter({ kind: 'insecure' });
      return;
    }
    const missing = await missingFeature();
    if (missing !== undefined) {
      this.#enter({ kind: 'unsupported', missing });
      return;
    }
    this.#theme = (await readSetting('theme')) ?? 'system';
    this.#transferSettings = (await readSetting('transfers')) ?? defaultTransferSettings;
    await this.#claim(false);
  }

  updateWaiting(apply: () => void): void {
    this.#updateReady = true;
    this.#applyUpdate = apply;
    this.#show();
  }

  /** The page is visible again, or the network is back. */
  wake(): void {
    this.#running?.engine.wake();
    this.#running?.engine.transfers.lookForRoom();
    this.#space.look();
  }

  get transferring(): boolean {
    return this.#running !== undefined && transferring(this.#running.engine);
  }

  // Accounts

  async register(form: {
    handle: string;
    displayName: string;
    email: string;
    password: string;
  }): Promise<ActionResult> {
    return this.#enterSession(await session.register(form, this.report));
  }

  async login(form: { handle: string; password: string }): Promise<ActionResult> {
    return this.#enterSession(await session.login(form, this.report));
  }

  async recover(code: string): Promise<ActionResult> {
    if (!this.#visiting) return { ok: false, error: { code: 'not-allowed' } };
    return this.#enterSession(await session.recover(this.#visiting, code, this.report));
  }

  async startOver(password: string): Promise<ActionResult> {
    if (!this.#visiting) return { ok: false, error: { code: 'not-allowed' } };
    return this.#enterSession(await session.startOver(this.#visiting, password, this.report));
  }

  recoveryCodeSaved(): void {
    const running = this.#running;
    if (!running) return;
    const { recoveryCode: _, ...identity } = running.identity;
    running.identity = identity;
    this.#enter({ kind: 'ready' });
    writeIdentity(identity).catch(this.report);
  }

  async logout({ remove }: { remove: boolean }): Promise<ActionResult> {
    if (this.#leaving) return ok;
    this.#leaving = true;
    try {
      const running = this.#running;
      const answer = await api.logout();
      if (!answer.ok && answer.error.code !== 'no-server' && answer.error.code !== 'not-allowed') return answer;
      await this.#stopEngine();
      await writeSetting('current', undefined);
      await writeSetting('visiting', undefined);
      if (remove && running) await forget(running);
      this.#visiting = undefined;
      this.#enter({ kind: 'welcome' });
      return ok;
    } finally {
      this.#leaving = false;
    }
  }

  useHere(): void {
    this.#claim(true).catch(this.report);
  }

  // People

  async shareWith(typed: string): Promise<ActionResult> {
    const running = this.#need();
    const handle = v.safeParse(Handle, typed.trim().replace(/^@/, ''));
    if (!handle.success) return { ok: false, error: { code: 'unknown-handle' } };
    const outcome = await running.engine.shareWith(handle.output);
    if (outcome.account) this.open(outcome.account);
    return resultOf(outcome);
  }

  open(account: AccountId): void {
    const running = this.#need();
    const person = running.engine.people.get(account);
    if (!person || running.timeline?.account === account) return;
    const { unread } = running.engine.conversations.summary(person.conversation);
    const timeline = new Timeline(running.engine, account, unread, extrasOf(running));
    timeline.load(person).then(() => {
      running.timeline = timeline;
      running.engine.lookAt(account);
      this.#show();
    }, this.report);
  }

  close(): void {
    const running = this.#need();
    running.timeline = undefined;
    running.engine.lookAt(undefined);
    this.#show();
  }

  async answerRequest(account: AccountId, verdict: 'accept' | 'decline' | 'block'): Promise<ActionResult> {
    return resultOf(await this.#need().engine.answerRequest(account, verdict));
  }

  async unblock(account: AccountId): Promise<ActionResult> {
    return resultOf(await this.#need().engine.answerRequest(account, 'unblock'));
  }

  acknowledgeKeys(account: AccountId): void {
    this.#need().engine.people.acknowledgeKeys(account).catch(this.report);
  }

  // Conversation

  async sendText(account: AccountId, text: string): Promise<ActionResult> {
    if (toUtf8(text).length > limits.textBytes) return { ok: false, error: { code: 'too-large' } };
    return guard(async () => resultOf(await this.#need().engine.sendText(account, text)));
  }

  async attach(
    account: AccountId,
    files: { file: File; handle?: FileSystemFileHandle }[],
    options: { pasted: boolean },
  ): Promise<ActionResult> {
    const { engine } = this.#need();
    const stranger = engine.people.get(account)?.relation !== 'accepted';
    return guard(async () => {
      for (const some of intoOffers(files, stranger)) {
        const outcome = await this.#offer(account, some, options);
        if (!outcome.ok) return outcome;
      }
      return ok;
    });
  }

  async answerOffer(offer: OfferId, verdict: 'accept' | 'decline'): Promise<ActionResult> {
    return guard(async () =>
      resultOf(await this.#need().engine.answerOffer(offer, verdict === 'accept' ? 'accepted' : 'declined')),
    );
  }

  cancelFile(offer: OfferId, file: number): void {
    this.#need().engine.cancelFile(offer, file).catch(this.report);
  }

  pauseFile(offer: OfferId, file: number): void {
    this.#need().engine.transfers.pause(offer, file).catch(this.report);
  }

  resumeFile(offer: OfferId, file: number): void {
    this.#need().engine.transfers.resume(offer, file).catch(this.report);
  }

  retryFile(offer: OfferId, file: number): void {
    const { engine, blobs } = this.#need();
    if (engine.transfers.get(offer)?.files[file]?.failed === 'changed') blobs.unchoose(offer, file);
    this.resumeFile(offer, file);
  }

  provideFile(offer: OfferId, file: number, chosen: File): Promise<ActionResult> {
    const { engine, blobs, thumbnails } = this.#need();
    const offered = engine.transfers.get(offer)?.offered?.files[file];
    if (!offered) return Promise.resolve(ok);
    const same = isSame(chosen, offered);
    thumbnails.setWrong(fileKey(offer, file), same ? undefined : chosen.name === offered.name ? 'changed' : 'other');
    if (!same) return Promise.resolve(ok); // the card says so and asks again
    blobs.provide(offer, file, chosen);
    engine.transfers.provided(offer, file);
    return Promise.resolve(ok);
  }

  async saveFile(offer: OfferId, file: number): Promise<ActionResult> {
    const { engine } = this.#need();
    const offered = engine.transfers.get(offer)?.offered?.files[file];
    if (!offered || !this.#store) return { ok: false, error: { code: 'storage' } };
    const store = this.#store;
    return guard(async () => {
      if (offered.bundle) return (await this.#loadBundles()).saveZip(offer, file);
      saveAs(await store.finished({ offer, file }), fileName(offered.name));
      return ok;
    });
  }

  // Transfers

  watchTransfers(watched: boolean): void {
    this.#transfersWatched = watched;
    this.#running?.watch.show(watched);
    this.#show();
  }

  moveFile(offer: OfferId, file: number, move: Move): void {
    this.#need().engine.transfers.move(offer, file, move).catch(this.report);
  }

  pauseAll(): void {
    this.#need().engine.transfers.together.pause().catch(this.report);
  }

  resumeAll(): void {
    this.#need().engine.transfers.together.resume().catch(this.report);
  }

  clearFinished(): void {
    this.#need().engine.transfers.together.unlistFinished().catch(this.report);
  }

  setTransferSettings(settings: TransferSettings): void {
    this.#transferSettings = settings;
    if (this.#running) applySettings(this.#running.engine.transfers, settings);
    this.#show();
    writeSetting('transfers', settings).catch(this.report);
  }

  // Trust

  safetyNumber(account: AccountId): Promise<string[] | undefined> {
    return this.#need().engine.safetyNumber(account);
  }

  setVerified(account: AccountId, verified: boolean): void {
    this.#need().engine.people.setVerified(account, verified).catch(this.report);
  }

  setAcceptRule(account: AccountId, rule: AcceptRule | undefined): void {
    this.#need().engine.people.setAcceptRule(account, rule).catch(this.report);
  }

  // Settings

  async updateProfile(profile: { displayName: string; email: string }): Promise<ActionResult> {
    return resultOf(
      await this.#need().engine.updateProfile({ displayName: profile.displayName.trim(), email: profile.email.trim() }),
    );
  }

  setTheme(theme: Theme): void {
    this.#theme = theme;
    this.#show();
    writeSetting('theme', theme).catch(this.report);
  }

  async persistStorage(): Promise<void> {
    await navigator.storage.persist();
    await this.refreshStorage();
  }

  async refreshStorage(): Promise<void> {
    const { usage = 0, quota = 0 } = await navigator.storage.estimate();
    this.#storage = { usedBytes: usage, quotaBytes: quota, persisted: await navigator.storage.persisted() };
    this.#show();
  }

  applyUpdate(): void {
    if (!this.transferring) this.#applyUpdate();
  }

  // Inside

  #loadBundles(): Promise<Bundles> {
    const running = this.#need();
    const store = this.#store;
    if (!store) throw new Error('the blob worker was not started');
    running.bundles ??= import('./bundles.ts').then(
      ({ Bundles: Loaded }) =>
        new Loaded({
          ...running,
          store,
          state: running.bundleState,
          listen: (run) => {
            this.#listeners.add(run);
            return () => this.#listeners.delete(run);
          },
        }),
    );
    return running.bundles;
  }

  async #offer(
    account: AccountId,
    files: readonly { file: File; handle?: FileSystemFileHandle }[],
    { pasted }: { pasted: boolean },
  ): Promise<ActionResult> {
    const { engine, blobs } = this.#need();
    const offer = engine.newOfferId();
    const budget = thumbnailBudget(files.length);
    const offered = [];
    for (const [index, { file, handle }] of files.entries()) {
      await blobs.attach(offer, index, file, { pasted, ...(handle ? { handle } : {}) });
      const thumbnail = await makeThumbnail(file, budget);
      offered.push({
        name: file.name.slice(0, limits.fileNameUnits),
        size: file.size,
        type: file.type.slice(0, limits.mimeLength),
        modifiedAt: Math.max(0, file.lastModified),
        ...(thumbnail ? { thumbnail } : {}),
      });
    }
    return resultOf(await engine.offer(account, offer, offered));
  }

  async #claim(steal: boolean): Promise<void> {
    this.#enter({ kind: 'starting' });
    const mine = await claimEngine({ steal, onLost: () => void this.#lost().catch(this.report) });
    if (!mine) {
      this.#enter({ kind: 'other-tab' });
      return;
    }
    const current = await readSetting('current');
    const identity = current && (await readIdentity(current));
    if (identity) await this.#run(identity);
    else if (!(await this.#visitAgain())) this.#enter({ kind: 'welcome' });
  }

  /** A page that was left while it asked for the recovery code asks for it again. */
  async #visitAgain(): Promise<boolean> {
    const answer = (await readSetting('visiting')) && (await api.session());
    if (!answer?.ok) return false;
    this.#visiting = answer.value;
    this.#enter({ kind: 'needs-recovery', handle: answer.value.handle });
    return true;
  }

  async #lost(): Promise<void> {
    await this.#stopEngine();
    this.#enter({ kind: 'other-tab' });
  }

  async #enterSession(outcome: session.SessionOutcome): Promise<ActionResult> {
    if (outcome.kind === 'error') return { ok: false, error: outcome.error };
    if (outcome.kind === 'needs-recovery') {
      this.#visiting = outcome.account;
      await writeSetting('visiting', true);
      this.#enter({ kind: 'needs-recovery', handle: outcome.account.handle });
      return ok;
    }
    await writeSetting('current', outcome.identity.account.id);
    await writeSetting('visiting', undefined);
    this.#visiting = undefined;
    await this.#run(outcome.identity);
    return ok;
  }

  async #run(identity: Identity): Promise<void> {
    await this.#stopEngine();
    this.#expectConnection = false;
    this.#connectTimer = setTimeout(() => {
      this.#expectConnection = true;
      this.#changed();
    }, connectMs);
    const { Causeway, connectSignaling, openWebRtc } = await import('./running.ts');
    const db = await openAccount(identity.account.id, () => void this.#lost().catch(this.report));
    this.#store ??= BlobStore.start();
    const blobs = new DeviceBlobs(
      this.#store,
      db,
      (offer, file) => bundleOf(this.#running, offer, file)?.manifestBytes,
    );
    const bundleState = new BundleState(idbRecords<BundleChoice>(db, 'choices'), () => this.#changed());
    await bundleState.load();
    const keys = deviceKeys(identity.device.id, identity.keys);
    const engine = await Causeway.start(
      {
        clock,
        random,
        hashes,
        signatures,
        keys,
        openWire: openWebRtc,
        connect: (events) =>
          connectSignaling({ keys, events, report: this.report, renew: () => this.#renew(identity.account.id, keys) }),
        feeds: idbFeeds(db),
        blobs,
        people: idbRecords(db, 'people'),
        offers: idbRecords(db, 'offers'),
        summaries: idbRecords(db, 'summaries'),
        deliveries: idbRecords(db, 'deliveries'),
        queue: idbRecords(db, 'queue'),
        report: this.report,
      },
      identity.account,
      {
        changed: () => this.#changed(),
        committed: (entries) => {
          const { timeline, engine: running } = this.#running ?? {};
          const person = timeline && running?.people.get(timeline.account);
          if (person && entries.some(({ conversation }) => conversation === person.conversation))
            timeline.add(person, entries);
          this.#show();
        },
        account: (account) => this.#keepAccount(account),
        stopped: (reason) => void this.#onStopped(reason).catch(this.report),
      },
    );
    const thumbnails = new Thumbnails(() => this.#changed(), this.report);
    applySettings(engine.transfers, this.#transferSettings);
    const watch = new TransferWatch(engine, () => this.#changed());
    watch.show(this.#transfersWatched);
    this.#running = { identity, engine, db, blobs, thumbnails, bundleState, timeline: undefined, watch };
    this.#enter(
      identity.recoveryCode === undefined ? { kind: 'ready' } : { kind: 'recovery-code', code: identity.recoveryCode },
    );
    await this.refreshStorage();
  }

  async #renew(account: AccountId, keys: DeviceKeys): Promise<'yes' | 'no' | 'no-server'> {
    const answer = await api.resume(account, keys);
    if (answer.ok) return 'yes';
    return answer.error.code === 'not-allowed' || answer.error.code === 'unknown-device' ? 'no' : 'no-server';
  }

  async #stopEngine(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    clearTimeout(this.#connectTimer);
    if (!running) return;
    running.thumbnails.release();
    running.watch.stop();
    this.#beside.show(0, 0);
    await running.engine.stop();
    running.db.close();
  }

  async #onStopped(reason: 'replaced' | 'ended' | 'unknown-device' | 'unsupported-version'): Promise<void> {
    if (reason === 'unsupported-version') {
      // The server is newer: a waiting version of the app will fit. Until then everything that is here stays readable.
      this.#changed();
      return;
    }
    if (this.#leaving) return;
    const account = this.#running?.identity.account;
    await this.#stopEngine();
    if (reason === 'replaced') this.#enter({ kind: 'other-tab' });
    else if (reason === 'unknown-device' && account) {
      this.#visiting = account;
      this.#enter({ kind: 'needs-recovery', handle: account.handle });
    } else {
      await writeSetting('current', undefined);
      this.#enter({ kind: 'welcome', ended: true });
    }
  }

  #keepAccount(account: OwnAccount): void {
    const running = this.#running;
    if (!running || JSON.stringify(account) === JSON.stringify(running.identity.account)) return;
    running.identity = { ...running.identity, account };
    writeIdentity(running.identity).catch(this.report);
  }

  #need(): Running {
    if (!this.#running) throw new Error('nobody is logged in');
    return this.#running;
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#show();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
    this.#refresh ??= setTimeout(() => this.#show(), this.transferring ? refreshWhileMovingMs : refreshMs);
  }

  #show(): void {
    clearTimeout(this.#refresh);
    this.#refresh = undefined;
    const common = {
      phase: this.#phase,
      theme: this.#theme,
      updateReady: this.#updateReady,
      transferSettings: this.#transferSettings,
      ...(this.#storage ? { storage: this.#storage } : {}),
    };
    const running = this.#running;
    if (!running) {
      this.view = { ...common, connection: 'connecting', people: [], requests: [], offers: [], moving: { running: 0 } };
      this.#space.watch([]);
      return;
    }
    const { engine, timeline, thumbnails, watch } = running;
    watch.wake();
    this.#beside.show(watch.moving.running, watch.moving.progress ?? 0);
    this.#expectConnection ||= engine.connected;
    const conversation = timeline && conversationView(engine, timeline);
    this.view = {
      ...common,
      connection: engine.connected ? 'online' : this.#expectConnection ? 'offline' : 'connecting',
      me: meOf(engine),
      ...peopleRows(engine, timeline?.account),
      offers: offersOf(engine, thumbnails, this.#space.freeBytes(engine)),
      moving: watch.moving,
      ...(this.#transfersWatched
        ? { transfers: transfersView(engine, extrasOf(running), watch.series(Date.now())) }
        : {}),
      ...(conversation ? { conversation } : {}),
    };
    this.#space.watch(this.view.offers);
  }
}

/** Everything of an account leaves this browser; its engine is stopped. */
async function forget({ engine, blobs, db, identity }: Running): Promise<void> {
  const files = engine.transfers
    .all()
    .flatMap(({ offer, offered }) => Array.from(offered?.files.keys() ?? [], (file) => ({ offer, file })));
  await Promise.all(files.map(({ offer, file }) => blobs.forget(offer, file)));
  db.close();
  await deleteAccount(identity.account.id);
}

const bundleOf = (running: Running | undefined, offer: OfferId, file: number) =>
  running?.engine.transfers.get(offer)?.offered?.files[file]?.bundle;

const extrasOf = ({ thumbnails, bundleState, blobs }: Running): CardExtras => ({
  thumbnails,
  bundles: bundleState,
  problemOf: (offer, file) => blobs.problemOf(offer, file),
});

function resultOf(outcome: Outcome): ActionResult {
  return outcome.ok ? ok : outcome;
}

/** Storage that fails is an expected outcome here; anything else is a defect and goes up. */
async function guard(work: () => Promise<ActionResult>): Promise<ActionResult> {
  try {
    return await work();
  } catch (problem) {
    if (problem instanceof SinkError) return { ok: false, error: { code: problem.kind } };
    if (problem instanceof SourceError) return { ok: false, error: { code: 'unreadable' } };
    if (problem instanceof DOMException && problem.name === 'QuotaExceededError')
      return { ok: false, error: { code: 'no-space' } };
    throw problem;
  }
}
