/** Challenges for devices that lost their cookie: each good for one answer within a minute. In memory: a restart asks for new ones. */
import { randomBytes } from 'node:crypto';

const lifeMs = 60_000;
/** Far more than a rate-limited crowd asks for in a minute; beyond it the oldest goes. */
const most = 50_000;

export class Challenges {
  readonly #until = new Map<string, number>();

  issue(now: number): string {
    for (const [challenge, until] of this.#until) {
      if (until > now && this.#until.size < most) break;
      this.#until.delete(challenge);
    }
    const challenge = randomBytes(32).toString('base64url');
    this.#until.set(challenge, now + lifeMs);
    return challenge;
  }

  /** @returns whether it was issued, has not expired, and was not taken before. */
  take(challenge: string, now: number): boolean {
    const until = this.#until.get(challenge);
    this.#until.delete(challenge);
    return until !== undefined && until > now;
  }
}
