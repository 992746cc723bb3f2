import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { clientAddress } from './http/address.ts';
import { addressKey } from './rates.ts';

const request = (remoteAddress: string, forwarded?: string) =>
  ({
    socket: { remoteAddress },
    headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
  }) as unknown as IncomingMessage;

describe('addresses', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['', ''],
  ])('%s counts as %s', (address, key) => expect(addressKey(address)).toBe(key));

  it('come from the proxies that are trusted, and from nobody else', () => {
    expect(clientAddress(request('10.0.0.1', '6.6.6.6'), 0)).toBe('10.0.0.1');
    expect(clientAddress(request('10.0.0.1', '6.6.6.6, 192.0.2.7'), 1)).toBe('192.0.2.7');
    expect(clientAddress(request('10.0.0.1', '6.6.6.6, 192.0.2.7, 10.0.0.2'), 2)).toBe('192.0.2.7');
    expect(clientAddress(request('10.0.0.1'), 1)).toBe('10.0.0.1');
  });
});
