/**
 * How often somebody may do something, in memory. Keys are account ids and addresses; they live as long as their window and are never
 * written or logged. One account or address that is over its limit never limits another.
 */
import { isIPv6 } from 'node:net';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { Settings } from './settings.ts';

export interface Rate {
  /** Takes a point. @returns milliseconds to wait when there is none left. */
  take(key: string): Promise<number | undefined>;
  /** Gives a point back. */
  give(key: string): Promise<void>;
}

function rate(points: number, seconds: number): Rate {
  const limiter = new RateLimiterMemory({ points, duration: seconds });
  return {
    async take(key) {
      try {
        await limiter.consume(key);
        return undefined;
      } catch (refusal) {
        if (refusal instanceof RateLimiterRes) return Math.max(1, Math.ceil(refusal.msBeforeNext));
        throw refusal;
      }
    },
    async give(key) {
      await limiter.reward(key, 1);
    },
  };
}

export type Rates = ReturnType<typeof createRates>;

export const createRates = (settings: Settings) => ({
  registrations: rate(settings.REGISTRATIONS_PER_MINUTE, 60),
  logins: rate(settings.LOGINS_PER_MINUTE, 60),
  loginFailures: rate(settings.LOGIN_FAILURES, 15 * 60),
  accountFailures: rate(settings.ACCOUNT_FAILURES, 3600),
  requests: rate(settings.REQUESTS_PER_MINUTE, 60),
  connections: rate(settings.CONNECTIONS_PER_MINUTE, 60),
  events: rate(settings.EVENTS_PER_MINUTE, 60),
  lookups: rate(settings.LOOKUPS_PER_MINUTE, 60),
  nearby: rate(settings.NEARBY_PER_MINUTE, 60),
  signals: rate(settings.SIGNALS_PER_MINUTE, 60),
  knocks: rate(settings.KNOCKS_PER_MINUTE, 60),
});

/** What counts as one address: an IPv4 address, or the /64 that one IPv6 customer gets. */
export function addressKey(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.split('%', 1)[0]?.split('::') ?? [];
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups =
    tail === undefined
      ? left
      : [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right];
  return `${groups
    .slice(0, 4)
    .map((group) => group.toLowerCase().replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
