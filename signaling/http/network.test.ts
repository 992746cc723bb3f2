import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { networkOf } from './network.ts';

const request = (remoteAddress: string | undefined, headers: Record<string, string> = {}): IncomingMessage =>
  ({ socket: { remoteAddress }, headers }) as unknown as IncomingMessage;
const forwarded = (list: string) => ({ 'x-forwarded-for': list });

describe('the network of a request', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['127.0.0.1', 'this machine'],
    ['::1', 'this machine'],
    ['192.168.7.20', '192.168.7.0/24'],
    ['::ffff:10.1.2.3', '10.1.2.0/24'],
    ['172.31.0.9', '172.31.0.0/24'],
    ['172.32.0.9', '172.32.0.9'],
    ['100.64.3.4', '100.64.3.4'],
    [undefined, undefined],
  ])('%s is %s', (address, network) => {
    expect(networkOf(request(address), 0)).toBe(network);
  });

  it('is that which the trusted proxy saw, and not what the client wrote', () => {
    expect(networkOf(request('10.0.0.1', forwarded('198.51.100.1, 203.0.113.7')), 1)).toBe('203.0.113.7');
    expect(networkOf(request('10.0.0.1', forwarded('198.51.100.1, 203.0.113.7, 10.0.0.2')), 2)).toBe('203.0.113.7');
  });

  it.each([
    ['past a proxy that no setting names', request('127.0.0.1', forwarded('203.0.113.7')), 0],
    ['past one that says so in the newer way', request('127.0.0.1', { forwarded: 'for=203.0.113.7' }), 0],
    ['not past the proxy that should be there', request('10.0.0.1'), 1],
    ['past fewer of them', request('10.0.0.1', forwarded('203.0.113.7')), 2],
    ['with a name for an address', request('10.0.0.1', forwarded('unknown')), 1],
  ])('is not known: %s', (_, one, proxies) => {
    expect(networkOf(one, proxies)).toBeUndefined();
  });
});
