/**
 * The app: which phase it is in, the engine of the account that is logged in, and the one `View` that the screens show. Built in `main.ts`;
 * knows no component.
 */
import { deviceKeys, hashes, random, signatures } from '../../../keys/web-crypto.ts';
import type { Causeway, Outcome } from '../../../engine/causeway.ts';
import { verifyChain, type VerifiedChain } from '../../../engine/identity/device-list.ts';
import { fileKey } from '../../../engine/exchange/offer.ts';
import type { Move } from '../../../engine/exchange/queue.ts';
import type { AcceptRule } from '../../../engine/exchange/rules.ts';
import type { EntryRef } from '../../../protocol/entry.ts';
import type { OwnAccount } from '../../../protocol/http.ts';
import type { AccountId, DeviceId, OfferId } from '../../../protocol/ids.ts';
import { toUtf8 } from '../../../protocol/bytes.ts';
import { limits } from '../../../protocol/limits.ts';
import { Handle, fileName } from '../../../protocol/names.ts';
import { SinkError, SourceError, type Clock, type DeviceKeys } from '../../../engine/ports.ts';
import type { SignalingEvents } from '../../../engine/signaling.ts';
import * as v from 'valibot';
import type { Chosen } from '../chosen-files.ts';
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
import type { Approval } from './approval.ts';
import { Media } from './media.ts';
import { nearbyView } from './nearby-view.ts';
import { ownDevicesView, visitingPhase } from './own-devices.ts';
import type { GroupState } from './groups.ts';
import type { Messaging } from './messaging.ts';
import { intoOffers, thumbnailBudget } from './outgoing-files.ts';
import * as session from './session.ts';
import { conversationView, meOf, offersOf, peopleRows, personRow, transferring } from './snapshot.ts';
import { Thumbnails } from './thumbnails.ts';
import { talkIn, talkOf } from './talk.ts';
import type { Timeline } from './timeline.ts';
import { transfersView } from './transfer-rows.ts';
import { applySettings, defaultTransferSettings, type TransferSettings } from './transfer-settings.ts';
import { TransferWatch } from './transfer-watch.ts';
import type {
  ActionError,
  ActionResult,
  Actions,
  ImportOutcome,
  MediaActions,
  Phase,
  StorageView,
  Theme,
  View,
} from './view.ts';

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
const refreshWhileMovingMs = 250;
const ok: ActionResult = { ok: true };

/** All that exists while an account is logged in on this tab. */
interface Running {
  identity: Identity;
  engine: Causeway;
  db: AccountDatabase;
  blobs: DeviceBlobs;
  thumbnails: Thumbnails;
  media: Media;
  bundleState: BundleState;
  /** Loaded when something is done with a bundle. */
  bundles?: Promise<Bundles>;
  messaging: Messaging;
  groups: GroupState;
  timelineOf: (account: AccountId, unread: number) => Timeline;
  timeline: Timeline | undefined;
  watch: TransferWatch;
}

export class App implements Actions {
  view = $state.raw<View>({
    phase: { kind: 'starting' },
    connection: 'connecting',
    people: [],
    requests: [],
    joining: [],
    offers: [],
    moving: { running: 0 },
    transferSettings: defaultTransferSettings,
    theme: 'system',
    discretion: { read: true, typing: true },
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
  #visiting: { account: OwnAccount; chain: VerifiedChain; approval?: Approval } | undefined;
  #store: BlobStore | undefined;
  /** Without a connection the server is taken to be away: it was there, or had time enough to answer. */
  #expectConnection = false;
  #connectTimer: ReturnType<typeof setTimeout> | undefined;
  /** The account was deleted, from another of its devices. */
  #deleted = false;
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
    this.#seen();
  }

  get messages(): Messaging {
    return this.#need().messaging;
  }

  get groups(): GroupState {
    return this.#need().groups;
  }

  get media(): MediaActions {
    return this.#need().media;
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
    return this.#enterSession(await session.recover(this.#visiting.account, code, this.report));
  }

  async askApproval(device: DeviceId): Promise<ActionResult> {
    const visiting = this.#visiting;
    if (!visiting) return { ok: false, error: { code: 'not-allowed' } };
    // Rarely needed: not part of what the first screen waits for.
    const { Approval: Asking } = await import('./approval.ts');
    const approval = new Asking({ clock, report: this.report }, visiting.account, device, {
      changed: () => this.#showVisit(),
      done: (outcome) => {
        if (this.#visiting?.approval !== approval) return;
        this.#enterSession(outcome).then((entered) => {
          // The device list has this browser, or will: a reload finds it, and so does asking anew.
          if (!entered.ok) this.cancelApproval();
        }, this.report);
      },
    });
    visiting.approval = approval;
    this.#showVisit();
    const asked = await approval.ask();
    if (!asked.ok) this.cancelApproval();
    return asked;
  }

  cancelApproval(): void {
    this.#visiting?.approval?.cancel().catch(this.report);
    delete this.#visiting?.approval;
    this.#showVisit();
  }

  async approveDevice(guest: DeviceId): Promise<ActionResult> {
    return resultOf(await this.#need().engine.approve(guest));
  }

  refuseDevice(): void {
    this.#need().engine.approvals.refuse().catch(this.report);
  }

  async renameDevice(device: DeviceId, name: string): Promise<ActionResult> {
    return resultOf(await this.#need().engine.renameDevice(device, name));
  }

  async revokeDevice(device: DeviceId): Promise<ActionResult> {
    return resultOf(await this.#need().engine.revokeDevice(device));
  }

  async startOver(password: string): Promise<ActionResult> {
    if (!this.#visiting) return { ok: false, error: { code: 'not-allowed' } };
    return this.#enterSession(await session.startOver(this.#visiting.account, password, this.report));
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
    return this.#leave(async () => {
      const { engine } = this.#running ?? {};
      if (remove && engine?.connected) {
        const removed = await engine.removeThisDevice();
        if (!removed.ok) this.report(new Error(`this device stays in the list: ${removed.error.code}`));
      }
      const answer = await api.logout(remove ? { forget: true } : {});
      if (!answer.ok && answer.error.code !== 'no-server' && answer.error.code !== 'not-allowed') return answer;
      const { account } = this.#running?.identity ?? {};
      if (remove && account) await this.#erase(account.id, { account: this.#deleted, stillKnown: !answer.ok });
      else {
        await this.#stopEngine();
        await writeSetting('current', undefined);
        await this.#endVisit();
        this.#enter({ kind: 'welcome' });
      }
      return ok;
    });
  }

  async deleteAccount(password: string): Promise<ActionResult> {
    const { id } = this.#need().identity.account;
    return this.#leave(async () => {
      const answer = await api.deleteAccount({ password });
      // The answer may be lost where the server's other word of it is not.
      if (!answer.ok && !this.#deleted) return answer;
      await this.#erase(id, { account: true, stillKnown: false });
      return ok;
    });
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

  setNearby(on: boolean): void {
    const { nearby } = this.#need().engine;
    (on ? nearby.turnOn() : nearby.turnOff()).catch(this.report);
  }

  async askNearby(typed: string): Promise<ActionResult> {
    return resultOf(await this.#need().engine.shareWith(v.parse(Handle, typed)));
  }

  open(account: AccountId): void {
    this.#open(account).catch(this.report);
  }

  async #open(account: AccountId): Promise<void> {
    const running = this.#need();
    const talk = talkOf(running.engine, account);
    if (!talk || running.timeline?.account === account) return;
    const { unread } = running.engine.conversations.summary(talk.conversation);
    const timeline = running.timelineOf(account, unread);
    await timeline.load(talk);
    running.timeline = timeline;
    running.engine.lookAt(account);
    this.#seen();
    this.#show();
  }

  /** What is on the screen of somebody who looks is seen. */
  #seen(): void {
    const { engine, timeline } = this.#running ?? {};
    if (engine && timeline && document.visibilityState === 'visible') engine.seen(timeline.account).catch(this.report);
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

  async sendText(account: AccountId, text: string, reply?: EntryRef): Promise<ActionResult> {
    if (toUtf8(text).length > limits.textBytes) return { ok: false, error: { code: 'too-large' } };
    // Whoever writes wants to see it, wherever in the conversation they read.
    await this.messages.showNewest();
    return guard(async () => resultOf(await this.#need().engine.sendText(account, text, reply)));
  }

  async attach(account: AccountId, files: Chosen[], options: { pasted: boolean }): Promise<ActionResult> {
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
    // A file of a bundle that is as it was again can be read; one that is not there is looked for anew.
    const moved = blobs.problemsOf(offer, file).every(({ kind }) => kind === 'missing');
    if (moved && engine.transfers.get(offer)?.files[file]?.failed === 'changed') blobs.unchoose(offer, file);
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

  async exportConversation(account: AccountId, as: 'json' | 'page'): Promise<ActionResult> {
    const { engine } = this.#need();
    const person = engine.people.get(account);
    const store = this.#store;
    if (!person || !store) return { ok: false, error: { code: 'storage' } };
    return guard(async () => {
      const { exportJson, exportPage } = await import('./archives.ts');
      await (as === 'json' ? exportJson(engine, person) : exportPage(engine, person, store));
      return ok;
    });
  }

  async importConversation(account: AccountId, file: File): Promise<ImportOutcome | { error: ActionError }> {
    const { engine } = this.#need();
    const person = engine.people.get(account);
    if (!person) return { error: { code: 'another-conversation' } };
    return (await import('./archives.ts')).importFile(engine, person, file);
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

  async #leave(work: () => Promise<ActionResult>): Promise<ActionResult> {
    if (this.#leaving) return ok;
    this.#leaving = true;
    try {
      return await work();
    } finally {
      this.#leaving = false;
    }
  }

  /** Everything of an account leaves this browser. */
  async #erase(id: AccountId, done: { account: boolean; stillKnown: boolean }): Promise<void> {
    // Fetched while there is a worker that can serve it without a connection.
    const { eraseAll, isAlone } = await import('../platform/erase.ts');
    const running = this.#running;
    await this.#stopEngine();
    await writeSetting('current', undefined);
    await writeSetting('visiting', undefined);
    let incomplete = false;
    if (await isAlone(id)) {
      await writeSetting('erasing', true);
      incomplete = await this.#eraseAll(eraseAll);
    } else if (running) await forget(running);
    this.#visiting = undefined;
    this.#enter({ kind: 'erased', incomplete, ...done });
  }

  /** @returns whether something could not be removed. */
  async #eraseAll(eraseAll: () => Promise<unknown[]>): Promise<boolean> {
    this.#store?.stop();
    this.#store = undefined;
    const problems = await eraseAll();
    for (const problem of problems) this.report(problem);
    return problems.length > 0;
  }

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

  async #offer(account: AccountId, files: readonly Chosen[], { pasted }: { pasted: boolean }): Promise<ActionResult> {
    const { engine, blobs } = this.#need();
    const offer = engine.newOfferId();
    const budget = thumbnailBudget(files.length);
    const offered = [];
    for (const [index, { file, handle, voice }] of files.entries()) {
      await blobs.attach(offer, index, file, { pasted, ...(handle ? { handle } : {}) });
      const thumbnail = await makeThumbnail(file, budget);
      offered.push({
        name: file.name.slice(0, limits.fileNameUnits),
        size: file.size,
        type: file.type.slice(0, limits.mimeLength),
        modifiedAt: Math.max(0, file.lastModified),
        ...(thumbnail ? { thumbnail } : {}),
        ...(voice ? { voice } : {}),
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
    if (await readSetting('erasing')) {
      const incomplete = await this.#eraseAll((await import('../platform/erase.ts')).eraseAll);
      this.#enter({ kind: 'erased', account: false, incomplete, stillKnown: false });
      return;
    }
    const current = await readSetting('current');
    const identity = current && (await readIdentity(current));
    if (identity) {
      await this.#run(identity);
      return;
    }
    const visiting = await readSetting('visiting');
    const resumed = visiting && (await session.resumeVisit(visiting, this.report));
    if (resumed) await this.#enterSession(resumed);
    else this.#enter({ kind: 'welcome' });
  }

  /** Logged in, and this browser is not a device of the account: a reload stays here. */
  async #visit(account: OwnAccount): Promise<void> {
    const chain = await verifyChain(account.lists, { hashes, signatures });
    await writeSetting('visiting', account);
    this.#visiting = { account, chain };
    this.#showVisit();
  }

  #showVisit(): void {
    if (!this.#visiting) return;
    const { account, chain, approval } = this.#visiting;
    this.#enter(visitingPhase(account.handle, chain, approval));
  }

  async #endVisit(): Promise<void> {
    this.#visiting = undefined;
    await writeSetting('visiting', undefined);
  }

  async #lost(): Promise<void> {
    await this.#stopEngine();
    this.#enter({ kind: 'other-tab' });
  }

  async #enterSession(outcome: session.SessionOutcome): Promise<ActionResult> {
    if (outcome.kind === 'error') return { ok: false, error: outcome.error };
    if (outcome.kind === 'needs-recovery') {
      await this.#visit(outcome.account);
      return ok;
    }
    await writeSetting('current', outcome.identity.account.id);
    await this.#endVisit();
    await this.#run(outcome.identity);
    return ok;
  }

  async #run(identity: Identity): Promise<void> {
    await this.#stopEngine();
    this.#expectConnection = false;
    this.#deleted = false;
    this.#connectTimer = setTimeout(() => {
      this.#expectConnection = true;
      this.#changed();
    }, connectMs);
    const { Causeway, connectSignaling, groupCrypto, GroupState, Messaging, openWebRtc, Timeline } =
      await import('./running.ts');
    const db = await openAccount(identity.account.id, () => void this.#lost().catch(this.report));
    const store = (this.#store ??= BlobStore.start());
    const blobs = new DeviceBlobs(store, db, (offer, file) => bundleOf(this.#running, offer, file)?.manifestBytes);
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
        annotations: idbRecords(db, 'annotations'),
        marks: idbRecords(db, 'marks'),
        expiries: idbRecords(db, 'expiries'),
        groups: idbRecords(db, 'groups'),
        crypto: groupCrypto,
        report: this.report,
      },
      identity.account,
      {
        changed: () => {
          this.#running?.groups.look();
          this.#changed();
        },
        committed: (entries) => {
          const { timeline, engine: running, messaging } = this.#running ?? {};
          const [first] = entries;
          const talk = first && running && talkIn(running, first.conversation);
          if (talk) messaging?.committed(talk, entries);
          if (!timeline || !talk || timeline.account !== talk.account) this.#changed();
          else
            timeline.add(talk, entries).then(() => {
              this.#seen();
              this.#show();
            }, this.report);
        },
        altered: (conversation, messages) => {
          const { timeline, messaging } = this.#running ?? {};
          messaging?.altered(conversation, messages);
          timeline?.refresh(conversation, messages).then(() => this.#changed(), this.report);
        },
        account: (account) => this.#keepAccount(account),
        stopped: (reason) => void this.#onStopped(reason).catch(this.report),
      },
    );
    const thumbnails = new Thumbnails(() => this.#changed(), this.report);
    applySettings(engine.transfers, this.#transferSettings);
    const watch = new TransferWatch(engine, () => this.#changed());
    watch.show(this.#transfersWatched);
    const groups = new GroupState({
      engine,
      open: (account) => this.open(account),
      changed: () => this.#changed(),
      guard,
      report: this.report,
    });
    const messaging = await Messaging.start({
      engine,
      db,
      timeline: () => this.#running?.timeline,
      open: (account) => this.#open(account),
      guard: (work) => guard(async () => resultOf(await work())),
      rowOf: ({ group, person, account }) => {
        const chat = this.messages.chats.of(account);
        if (group) return groups.row(group, chat);
        if (!person) throw new Error('a talk is with a person or in a group');
        return personRow(engine, person, chat);
      },
      changed: () => this.#show(),
      report: this.report,
    });
    const extras = extrasOf({ thumbnails, bundleState, blobs });
    this.#running = {
      identity,
      engine,
      db,
      blobs,
      thumbnails,
      media: new Media({ engine, blobs, received: (ref) => store.finished(ref) }),
      bundleState,
      messaging,
      groups,
      timelineOf: (account, unread) => new Timeline(engine, account, unread, extras),
      timeline: undefined,
      watch,
    };
    this.#enter(
      identity.recoveryCode === undefined ? { kind: 'ready' } : { kind: 'recovery-code', code: identity.recoveryCode },
    );
    await this.refreshStorage();
  }

  async #renew(account: AccountId, keys: DeviceKeys): Promise<'yes' | 'no' | 'revoked' | 'deleted' | 'no-server'> {
    const answer = await api.resume(account, keys);
    if (answer.ok) return 'yes';
    if (answer.error.code === 'unknown-device') return 'revoked';
    if (answer.error.code === 'account-deleted') return 'deleted';
    return answer.error.code === 'not-allowed' ? 'no' : 'no-server';
  }

  async #stopEngine(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    clearTimeout(this.#connectTimer);
    if (!running) return;
    running.thumbnails.release();
    running.watch.stop();
    this.#beside.show(0, 0);
    running.messaging.stop();
    running.groups.stop();
    await running.engine.stop();
    running.db.close();
  }

  async #onStopped(reason: Parameters<SignalingEvents['stopped']>[0]): Promise<void> {
    if (reason === 'unsupported-version') {
      // The server is newer: a waiting version of the app will fit. Until then everything that is here stays readable.
      this.#changed();
      return;
    }
    if (reason === 'deleted') {
      // What is here is still this person's, and goes when they say so: the server's word alone destroys nothing.
      this.#deleted = true;
      this.#changed();
      return;
    }
    if (this.#leaving) return;
    const account = this.#running?.identity.account;
    await this.#stopEngine();
    if (reason === 'replaced') this.#enter({ kind: 'other-tab' });
    else if (reason === 'unknown-device' && account) {
      await writeSetting('current', undefined);
      await this.#visit(account);
    } else {
      await writeSetting('current', undefined);
      this.#enter({ kind: 'welcome', ended: reason === 'revoked' ? 'revoked' : 'session' });
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
      this.view = {
        ...common,
        connection: 'connecting',
        people: [],
        requests: [],
        joining: [],
        offers: [],
        moving: { running: 0 },
        discretion: { read: true, typing: true },
      };
      this.#space.watch([]);
      return;
    }
    const { engine, timeline, thumbnails, watch, messaging, groups } = running;
    const { chats, discretion } = messaging;
    watch.wake();
    this.#beside.show(watch.moving.running, watch.moving.progress ?? 0);
    this.#expectConnection ||= engine.connected;
    const conversation = timeline && conversationView(engine, timeline, chats, groups, this.#deleted);
    this.view = {
      ...common,
      connection: this.#deleted
        ? 'deleted'
        : engine.connected
          ? 'online'
          : this.#expectConnection
            ? 'offline'
            : 'connecting',
      me: meOf(engine),
      discretion,
      ...peopleRows(engine, chats, groups, timeline?.account),
      joining: groups.joining(),
      offers: offersOf(engine, chats, thumbnails, this.#space.freeBytes(engine)),
      moving: watch.moving,
      ...(this.#transfersWatched
        ? { transfers: transfersView(engine, chats, extrasOf(running), watch.series(Date.now())) }
        : {}),
      ...(conversation ? { conversation } : {}),
      ...ownDevicesView(engine),
      nearby: nearbyView(engine),
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

const extrasOf = ({
  thumbnails,
  bundleState,
  blobs,
}: Pick<Running, 'thumbnails' | 'bundleState' | 'blobs'>): CardExtras => ({
  thumbnails,
  bundles: bundleState,
  problemsOf: (offer, file) => blobs.problemsOf(offer, file),
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
