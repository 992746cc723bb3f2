import { describe, expect, it } from 'vitest';
import { pathOf } from './path.ts';

describe('pathOf', () => {
  it.each([
    ['host', '192.168.1.4', 'host', '192.168.1.9', 'same-network'],
    ['host', 'a1b2.local', 'host', 'c3d4.local', 'same-network'],
    ['host', '', 'host', '', 'same-network'],
    ['host', '192.168.1.4', 'prflx', '192.168.1.9', 'same-network'],
    ['host', '2001:db8:1:2::4', 'host', '2001:db8:1:2::9', 'same-network'],
    ['host', '2001:db8:1:2::4', 'host', '2001:db8:9:9::9', 'direct'],
    ['host', '192.168.1.4', 'prflx', '203.0.113.9', 'direct'],
    ['srflx', '203.0.113.9', 'srflx', '198.51.100.7', 'direct'],
    ['host', '192.168.1.4', 'srflx', '198.51.100.7', 'direct'],
    ['relay', '203.0.113.9', 'host', '192.168.1.9', 'relayed'],
    ['srflx', '203.0.113.9', 'relay', '203.0.113.80', 'relayed'],
  ])('%s %s and %s %s is %s', (localType, localAddress, remoteType, remoteAddress, path) => {
    const local = { type: localType, address: localAddress };
    const remote = { type: remoteType, address: remoteAddress };
    expect(pathOf(local, remote)).toBe(path);
    expect(pathOf(remote, local)).toBe(path);
  });
});
