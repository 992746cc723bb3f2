/**
 * STUN and TURN servers for a client. TURN credentials are those of coturn's `use-auth-secret` (draft-uberti-behave-turn-rest): the user name
 * is an expiry and a pseudonym, the password its HMAC-SHA1, so nothing has to be stored and they end by themselves.
 */
import { createHmac } from 'node:crypto';
import type { IceServer } from '../protocol/events.ts';
import type { AccountId } from '../protocol/ids.ts';
import type { Settings } from './settings.ts';

/** @param withTurn only people with a contact have somebody to relay to. */
export function iceServers(settings: Settings, account: AccountId, withTurn: boolean, now: number): IceServer[] {
  const servers: IceServer[] = [];
  if (settings.STUN_URLS.length > 0) servers.push({ urls: settings.STUN_URLS });
  if (withTurn && settings.TURN_URLS.length > 0) {
    const expiry = Math.floor(now / 1000) + settings.TURN_TTL_SECONDS;
    // One name per account for the quota of the TURN server, which does not learn whose it is.
    const pseudonym = createHmac('sha256', settings.TURN_SECRET)
      .update(`account ${account}`)
      .digest('base64url')
      .slice(0, 16);
    const username = `${expiry}:${pseudonym}`;
    const credential = createHmac('sha1', settings.TURN_SECRET).update(username).digest('base64');
    servers.push({ urls: settings.TURN_URLS, username, credential });
  }
  return servers;
}
