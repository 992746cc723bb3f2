/**
 * How somebody comes in and goes out: registers, logs in, becomes a device of the account or waits to become one ("visiting"), logs out, deletes
 * the account. What of it outlives a reload is in the settings `current`, `visiting` and `erasing`.
 */
import { verifyChain, type VerifiedChain } from '../../../engine/identity/device-list.ts';
import type { SignalingEvents } from '../../../engine/signaling.ts';
import { hashes, signatures } from '../../../keys/web-crypto.ts';
import type { OwnAccount } from '../../../protocol/http.ts';
import type { AccountId, DeviceId } from '../../../protocol/ids.ts';
import * as api from '../platform/api.ts';
import { clock } from '../platform/clock.ts';
import { readIdentity, readSetting, writeIdentity, writeSetting, type Identity } from '../platform/database.ts';
import { markedHere } from '../platform/was-here.ts';
import { ok } from './action-result.ts';
import type { AccountActions, ActionResult } from './actions.ts';
import type { Approval } from './approval.ts';
import { leaveGroups } from './leave-groups.ts';
import { visitingPhase } from './own-devices.ts';
import type { Running } from './running.ts';
import * as session from './session.ts';
import type { Phase } from './view.ts';

interface Surroundings {
  running: () => Running | undefined;
  /** Runs what is there while an account is logged in, in place of what ran. */
  run: (identity: Identity) => Promise<void>;
  stop: () => Promise<void>;
  /** Ends the worker that has the files open. To be called when nothing runs. */
  stopStore: () => void;
  enter: (phase: Phase) => void;
  changed: () => void;
  report: (problem: unknown) => void;
}

/** A device that could not be renewed is tried again after this, as long as there is a connection. */
const renewRetryMs = 60_000;
const noVisit: ActionResult = { ok: false, error: { code: 'not-allowed' } };

export class Accounts implements AccountActions {
  /** Logged in, but not a device yet. */
  #visiting: { account: OwnAccount; chain: VerifiedChain; approval?: Approval } | undefined;
  #deleted = false;
  /** Logging out is under way: that the server ends the session is no news then. */
  #leaving = false;
  #renewAgainAt = 0;

  constructor(private readonly around: Surroundings) {}

  /** The account was deleted, from another of its devices. */
  get deleted(): boolean {
    return this.#deleted;
  }

  /** Goes on where the page was left. */
  async resume(): Promise<void> {
    const { report, enter } = this.around;
    if (await readSetting('erasing')) {
      const incomplete = await this.#eraseAll((await import('../platform/erase.ts')).eraseAll);
      enter({ kind: 'erased', account: false, incomplete, stillKnown: false });
      return;
    }
    const current = await readSetting('current');
    const identity = current && (await readIdentity(current));
    if (identity) {
      await this.#run(identity);
      return;
    }
    const visiting = await readSetting('visiting');
    const lost = markedHere();
    const resumed = visiting
      ? await session.resumeVisit(visiting, report)
      : lost && (await session.afterLoss(lost, report));
    if (resumed) await this.#enterSession(resumed);
    else enter({ kind: 'welcome', ...(lost ? { ended: 'evicted' } : {}) });
  }

  async register(form: {
    handle: string;
    displayName: string;
    email: string;
    password: string;
  }): Promise<ActionResult> {
    return this.#enterSession(await session.register(form, this.around.report));
  }

  async login(form: { handle: string; password: string }): Promise<ActionResult> {
    return this.#enterSession(await session.login(form, this.around.report));
  }

  async recover(code: string): Promise<ActionResult> {
    if (!this.#visiting) return noVisit;
    return this.#enterSession(await session.recover(this.#visiting.account, code, this.around.report));
  }

  async askApproval(device: DeviceId): Promise<ActionResult> {
    const { report } = this.around;
    const visiting = this.#visiting;
    if (!visiting) return noVisit;
    // Rarely needed: not part of what the first screen waits for.
    const { Approval: Asking } = await import('./approval.ts');
    const approval = new Asking({ clock, report }, visiting.account, device, {
      changed: () => this.#showVisit(),
      done: (outcome) => {
        if (this.#visiting?.approval !== approval) return;
        this.#enterSession(outcome).then((entered) => {
          // The device list has this browser, or will: a reload finds it, and so does asking anew.
          if (!entered.ok) this.cancelApproval();
        }, report);
      },
    });
    visiting.approval = approval;
    this.#showVisit();
    const asked = await approval.ask();
    if (!asked.ok) this.cancelApproval();
    return asked;
  }

  cancelApproval(): void {
    this.#visiting?.approval?.cancel().catch(this.around.report);
    delete this.#visiting?.approval;
    this.#showVisit();
  }

  async startOver(password: string): Promise<ActionResult> {
    if (!this.#visiting) return noVisit;
    return this.#enterSession(await session.startOver(this.#visiting.account, password, this.around.report));
  }

  recoveryCodeSaved(): void {
    const running = this.around.running();
    if (!running) return;
    const { recoveryCode: _, ...identity } = running.identity;
    running.identity = identity;
    this.around.enter({ kind: 'ready' });
    writeIdentity(identity).catch(this.around.report);
  }

  async logout({ remove }: { remove: boolean }): Promise<ActionResult> {
    const { running, stop, enter, report } = this.around;
    return this.#leave(async () => {
      const { engine } = running() ?? {};
      if (remove && engine?.connected) {
        const removed = await engine.removeThisDevice();
        if (!removed.ok) report(new Error(`this device stays in the list: ${removed.error.code}`));
      }
      const answer = await api.logout(remove ? { forget: true } : {});
      if (!answer.ok && answer.error.code !== 'no-server' && answer.error.code !== 'not-allowed') return answer;
      const { account } = running()?.identity ?? {};
      if (remove && account) await this.#erase(account.id, { account: this.#deleted, stillKnown: !answer.ok });
      else {
        await stop();
        await writeSetting('current', undefined);
        await this.#endVisit();
        enter({ kind: 'welcome' });
      }
      return ok;
    });
  }

  async deleteAccount(password: string): Promise<ActionResult> {
    const running = this.around.running();
    if (!running) throw new Error('nobody is logged in');
    const { id } = running.identity.account;
    return this.#leave(async () => {
      // Before that groups hear of it. Who does not know the password is not to leave them.
      const known = await api.deleteAccount({ password, check: true });
      if (!known.ok && !this.#deleted) return known;
      await leaveGroups(running.engine, { clock, report: this.around.report });
      const answer = await api.deleteAccount({ password });
      // The answer may be lost where the server's other word of it is not.
      if (!answer.ok && !this.#deleted) {
        // The groups were looked at meanwhile.
        running.conversation.look();
        return answer;
      }
      await this.#erase(id, { account: true, stillKnown: false });
      return ok;
    });
  }

  /** The server's word on the account: kept for the next start. */
  keep(account: OwnAccount): void {
    const running = this.around.running();
    if (!running || JSON.stringify(account) === JSON.stringify(running.identity.account)) return;
    running.identity = { ...running.identity, account };
    writeIdentity(running.identity).catch(this.around.report);
  }

  /** This browser was set back to an earlier state: it goes on as a new device in place of the one that it was. */
  async renewDevice(): Promise<void> {
    const running = this.around.running();
    if (!running || this.#leaving || Date.now() < this.#renewAgainAt) return;
    this.#renewAgainAt = Date.now() + renewRetryMs;
    await this.#leave(async () => {
      const { engine, identity } = running;
      const { name } = engine.devices.find(({ id }) => id === engine.device) ?? identity.device;
      const outcome = await session.renewDevice(engine, name, this.around.report);
      if (outcome.kind === 'error') this.around.report(new Error(`not renewed: ${outcome.error.code}`));
      const open = running.conversation.timeline?.account;
      const entered = await this.#enterSession(outcome);
      if (open !== undefined) await this.around.running()?.conversation.open(open);
      return entered;
    });
  }

  /** The connection will not come back by itself. */
  async stopped(reason: Parameters<SignalingEvents['stopped']>[0]): Promise<void> {
    const { running, stop, enter, changed } = this.around;
    if (reason === 'unsupported-version') {
      // The server is newer: a waiting version of the app will fit. Until then everything that is here stays readable.
      changed();
      return;
    }
    if (reason === 'deleted') {
      // What is here is still this person's, and goes when they say so: the server's word alone destroys nothing.
      this.#deleted = true;
      changed();
      return;
    }
    if (this.#leaving) return;
    const account = running()?.identity.account;
    await stop();
    if (reason === 'replaced') enter({ kind: 'other-tab' });
    else if (reason === 'unknown-device' && account) {
      await writeSetting('current', undefined);
      await this.#visit(account);
    } else {
      await writeSetting('current', undefined);
      enter({ kind: 'welcome', ended: reason === 'revoked' ? 'revoked' : 'session' });
    }
  }

  async #run(identity: Identity): Promise<void> {
    this.#deleted = false;
    await this.around.run(identity);
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
    this.around.enter(visitingPhase(account.handle, chain, approval, markedHere() === account.id));
  }

  async #endVisit(): Promise<void> {
    this.#visiting = undefined;
    await writeSetting('visiting', undefined);
  }

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
    const running = this.around.running();
    await this.around.stop();
    await writeSetting('current', undefined);
    await writeSetting('visiting', undefined);
    let incomplete = false;
    if (await isAlone(id)) {
      await writeSetting('erasing', true);
      incomplete = await this.#eraseAll(eraseAll);
    } else await running?.forget();
    this.#visiting = undefined;
    this.around.enter({ kind: 'erased', incomplete, ...done });
  }

  /** @returns whether something could not be removed. */
  async #eraseAll(eraseAll: () => Promise<unknown[]>): Promise<boolean> {
    this.around.stopStore();
    const problems = await eraseAll();
    for (const problem of problems) this.around.report(problem);
    return problems.length > 0;
  }
}
