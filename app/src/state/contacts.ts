/** What a person does with others: asks them, answers them, compares keys, sets a rule. */
import * as v from 'valibot';
import type { Causeway } from '../../../engine/causeway.ts';
import type { AcceptRule } from '../../../engine/exchange/rules.ts';
import type { AccountId } from '../../../protocol/ids.ts';
import { Handle } from '../../../protocol/names.ts';
import { resultOf } from './action-result.ts';
import type { ActionResult, ContactActions } from './actions.ts';

interface Surroundings {
  engine: Causeway;
  open(account: AccountId): void;
  report: (problem: unknown) => void;
}

export class Contacts implements ContactActions {
  constructor(private readonly around: Surroundings) {}

  async shareWith(typed: string): Promise<ActionResult> {
    const handle = v.safeParse(Handle, typed.trim().replace(/^@/, ''));
    if (!handle.success) return { ok: false, error: { code: 'unknown-handle' } };
    const outcome = await this.around.engine.shareWith(handle.output);
    if (outcome.account) this.around.open(outcome.account);
    return resultOf(outcome);
  }

  setNearby(on: boolean): void {
    const { nearby } = this.around.engine;
    (on ? nearby.turnOn() : nearby.turnOff()).catch(this.around.report);
  }

  async askNearby(typed: string): Promise<ActionResult> {
    return resultOf(await this.around.engine.shareWith(v.parse(Handle, typed)));
  }

  async answerRequest(account: AccountId, verdict: 'accept' | 'decline' | 'block'): Promise<ActionResult> {
    return resultOf(await this.around.engine.answerRequest(account, verdict));
  }

  async unblock(account: AccountId): Promise<ActionResult> {
    return resultOf(await this.around.engine.answerRequest(account, 'unblock'));
  }

  acknowledgeKeys(account: AccountId): void {
    this.around.engine.people.acknowledgeKeys(account).catch(this.around.report);
  }

  safetyNumber(account: AccountId): Promise<string[] | undefined> {
    return this.around.engine.safetyNumber(account);
  }

  setVerified(account: AccountId, verified: boolean): void {
    this.around.engine.people.setVerified(account, verified).catch(this.around.report);
  }

  setAcceptRule(account: AccountId, rule: AcceptRule | undefined): void {
    this.around.engine.people.setAcceptRule(account, rule).catch(this.around.report);
  }
}
