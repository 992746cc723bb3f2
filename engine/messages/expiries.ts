/**
 * When messages disappear. The clock of a message starts when it was sent on the devices of its author, and when it was first seen on any
 * other device. What is due is handed out until `done` says that it is gone, so that a crash in between only repeats it.
 */
import type { EntryRef } from '../../protocol/entry.ts';
import type { ConversationId } from '../../protocol/ids.ts';
import type { Clock } from '../ports.ts';
import type { Records } from '../records.ts';
import { messageKey } from './annotation.ts';

export interface Expiry extends EntryRef {
  conversation: ConversationId;
  afterMs: number;
  /** Milliseconds since 1970; absent until the message was seen here. */
  at?: number;
}

/** Longest wait in one go: a timer of a browser holds 24 days, and a sleeping machine does not count. */
const longestWaitMs = 3600_000;

export class Expiries {
  readonly #expiries = new Map<string, Expiry>();
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(
    private readonly ports: { clock: Clock; records: Records<Expiry>; due: (expiries: readonly Expiry[]) => void },
  ) {}

  async load(): Promise<void> {
    for (const expiry of await this.ports.records.all())
      this.#expiries.set(messageKey(expiry.conversation, expiry), expiry);
  }

  /** Hands out what is due, now and from now on. */
  begin(): void {
    this.#wake();
  }

  /** A message that disappears; `sentAt` only when this person sent it. Known ones keep their time. */
  async add(message: Omit<Expiry, 'at'>, sentAt: number | undefined): Promise<void> {
    const key = messageKey(message.conversation, message);
    if (this.#expiries.has(key)) return;
    await this.#keep(key, sentAt === undefined ? message : { ...message, at: sentAt + message.afterMs });
  }

  /** What is there of a conversation was on the screen. */
  async seen(conversation: ConversationId): Promise<void> {
    const now = this.ports.clock.now();
    for (const [key, expiry] of [...this.#expiries])
      if (expiry.conversation === conversation && expiry.at === undefined)
        await this.#keep(key, { ...expiry, at: now + expiry.afterMs });
  }

  async done({ conversation, device, sequence }: Expiry): Promise<void> {
    const key = messageKey(conversation, { device, sequence });
    this.#expiries.delete(key);
    await this.ports.records.delete(key);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
  }

  async #keep(key: string, expiry: Expiry): Promise<void> {
    await this.ports.records.put(key, expiry);
    this.#expiries.set(key, expiry);
    this.#wake();
  }

  #wake(): void {
    this.#cancel?.();
    if (this.#stopped) return;
    const now = this.ports.clock.now();
    const due: Expiry[] = [];
    let next = Infinity;
    for (const expiry of this.#expiries.values()) {
      if (expiry.at === undefined) continue;
      if (expiry.at <= now) due.push(expiry);
      else next = Math.min(next, expiry.at);
    }
    if (due.length > 0) {
      this.ports.due(due);
      // Whatever becomes of these: asked again, in case the storage failed.
      next = Math.min(next, now + 1000);
    }
    if (next < Infinity) this.#cancel = this.ports.clock.after(Math.min(next - now, longestWaitMs), () => this.#wake());
  }
}
