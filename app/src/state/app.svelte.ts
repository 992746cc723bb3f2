/**
 * The app: which phase it is in, what runs for the account that is logged in, and the one `View` that the screens show. Built in `main.ts`;
 * knows no component.
 */
import { BesideProgress } from '../platform/beside-progress.ts';
import { defaultKeepSettings, type KeepSettings } from '../kept/keep-rule.ts';
import { BlobStore } from '../platform/blob-store.ts';
import { readSetting, writeSetting, type Identity } from '../platform/database.ts';
import { missingFeature } from '../platform/environment.ts';
import { claimEngine } from '../platform/tab.ts';
import { Accounts } from './accounts.ts';
import { actionsOf } from './actions-of-parts.ts';
import type { AccountId } from '../../../protocol/ids.ts';
import type { Actions } from './actions.ts';
import { emptyView, runningView } from './build-view.ts';
import { SpaceWatch } from './free-space.ts';
import type { Running } from './running.ts';
import { nothingMoves, transferring } from './snapshot.ts';
import { applySettings, defaultTransferSettings, type TransferSettings } from './transfer-settings.ts';
import type { Phase, Theme, View } from './view.ts';
import type { StorageView } from './views/kept.ts';

/** The view is rebuilt at most this often. While bytes move it changes all the time, and painting takes from the transfer (docs/decisions). */
const refreshMs = 50;
const refreshWhileMovingMs = 500;
/** As long as this a start may take before the person is told that the server does not answer. */
const connectMs = 4000;

export class App {
  #phase: Phase = { kind: 'starting' };
  #theme: Theme = 'system';
  #transferSettings = defaultTransferSettings;
  #keepSettings = defaultKeepSettings;
  #full = false;
  #transfersWatched = false;
  #updateReady = false;
  #applyUpdate: () => void = () => undefined;
  #storage: StorageView | undefined;
  #running: Running | undefined;
  #store: BlobStore | undefined;
  /** Without a connection the server is taken to be away: it was there, or had time enough to answer. */
  #expectConnection = false;
  #connectTimer: ReturnType<typeof setTimeout> | undefined;
  #refresh: ReturnType<typeof setTimeout> | undefined;
  /** Told of every change at once. */
  // eslint-disable-next-line svelte/prefer-svelte-reactivity -- nothing is shown of it
  readonly #listeners = new Set<() => void>();
  readonly #beside: BesideProgress;
  readonly #space = new SpaceWatch(
    () => this.#store?.freeBytes() ?? Promise.resolve(undefined),
    () => this.#changed(),
    (problem) => this.report(problem),
  );
  readonly #accounts = new Accounts({
    running: () => this.#running,
    run: (identity) => this.#run(identity),
    stop: () => this.#stop(),
    stopStore: () => {
      this.#store?.stop();
      this.#store = undefined;
    },
    enter: (phase) => this.#enter(phase),
    changed: () => this.#changed(),
    report: (problem) => this.report(problem),
  });
  readonly actions: Actions = actionsOf(this, this.#accounts);
  view = $state.raw<View>(emptyView(this.#common()));

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
    this.#keepSettings = (await readSetting('keep')) ?? defaultKeepSettings;
    await this.#claim(false);
  }

  /** What runs for the account that is logged in. */
  get running(): Running {
    if (!this.#running) throw new Error('nobody is logged in');
    return this.#running;
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
    this.#running?.conversation.seen();
  }

  /** The page came to the front, or went behind others. */
  visibilityChanged(): void {
    this.#running?.conversation.visibilityChanged();
  }

  open(account: AccountId): void {
    this.running.conversation.open(account).catch(this.report);
  }

  useHere(): void {
    this.#claim(true).catch(this.report);
  }

  watchTransfers(watched: boolean): void {
    this.#transfersWatched = watched;
    this.#running?.watch.show(watched);
    this.#show();
  }

  setTransferSettings(settings: TransferSettings): void {
    this.#transferSettings = settings;
    if (this.#running) applySettings(this.#running.engine.transfers, settings);
    this.#show();
    writeSetting('transfers', settings).catch(this.report);
  }

  setKeepSettings(settings: KeepSettings): void {
    this.#keepSettings = settings;
    this.#running?.kept.limitChanged();
    this.#show();
    writeSetting('keep', settings).catch(this.report);
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
    if (!this.#transferring) this.#applyUpdate();
  }

  async #claim(steal: boolean): Promise<void> {
    this.#enter({ kind: 'starting' });
    const mine = await claimEngine({ steal, onLost: () => this.#lost() });
    if (mine) await this.#accounts.resume();
    else this.#enter({ kind: 'other-tab' });
  }

  /** Another tab has the engine, or the database. */
  #lost(): void {
    this.#stop()
      .then(() => this.#enter({ kind: 'other-tab' }))
      .catch(this.report);
  }

  async #run(identity: Identity): Promise<void> {
    await this.#stop();
    this.#expectConnection = false;
    this.#full = false;
    this.#connectTimer = setTimeout(() => {
      this.#expectConnection = true;
      this.#changed();
    }, connectMs);
    const { startRunning } = await import('./running.ts');
    this.#store ??= BlobStore.start();
    this.#running = await startRunning(identity, {
      store: this.#store,
      running: () => this.#running,
      transferSettings: () => this.#transferSettings,
      keepSettings: () => this.#keepSettings,
      transfersWatched: () => this.#transfersWatched,
      show: () => this.#show(),
      changed: () => this.#changed(),
      listen: (run) => {
        this.#listeners.add(run);
        return () => this.#listeners.delete(run);
      },
      account: (account) => this.#accounts.keep(account),
      stopped: (reason) => void this.#accounts.stopped(reason).catch(this.report),
      forked: () => void this.#accounts.renewDevice().catch(this.report),
      full: (full) => {
        if (full === this.#full) return;
        this.#full = full;
        this.#changed();
      },
      lost: () => this.#lost(),
      report: this.report,
    });
    const { recoveryCode } = identity;
    this.#enter(recoveryCode === undefined ? { kind: 'ready' } : { kind: 'recovery-code', code: recoveryCode });
    await this.refreshStorage();
  }

  async #stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    clearTimeout(this.#connectTimer);
    if (!running) return;
    this.#beside.show(nothingMoves);
    await running.stop();
  }

  get #transferring(): boolean {
    return this.#running !== undefined && transferring(this.#running.engine);
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#show();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
    this.#refresh ??= setTimeout(() => this.#show(), this.#transferring ? refreshWhileMovingMs : refreshMs);
  }

  #show(): void {
    clearTimeout(this.#refresh);
    this.#refresh = undefined;
    this.view = this.#running ? this.#viewOf(this.#running) : emptyView(this.#common());
    this.#space.watch(this.view.offers);
  }

  #viewOf(running: Running): View {
    const { engine, watch } = running;
    watch.wake();
    this.#beside.show(watch.moving);
    this.#expectConnection ||= engine.connected;
    return runningView(this.#common(), running, {
      deleted: this.#accounts.deleted,
      expectConnection: this.#expectConnection,
      freeBytes: this.#space.freeBytes(engine),
      transfersWatched: this.#transfersWatched,
      now: Date.now(),
    });
  }

  #common() {
    return {
      phase: this.#phase,
      theme: this.#theme,
      updateReady: this.#updateReady,
      transferSettings: this.#transferSettings,
      keepSettings: this.#keepSettings,
      storageFull: this.#full,
      storage: this.#storage,
    };
  }
}
