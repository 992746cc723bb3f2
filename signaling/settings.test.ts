import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readSettings, settingTable, type Setting, type SettingName } from './settings.ts';

const mistakesOf = (env: Record<string, string>) => {
  const read = readSettings(env);
  return 'mistakes' in read ? read.mistakes : [];
};

describe('settings', () => {
  it('are all optional', () => {
    const read = readSettings({});
    expect('settings' in read && read.settings).toMatchObject({
      PORT: 8080,
      HOST: '127.0.0.1',
      DATA_DIR: './data',
      STUN_URLS: [],
      TRUST_PROXY: 0,
      LOG_LEVEL: 'info',
    });
    expect('settings' in read && read.settings.PUBLIC_URL).toBeUndefined();
  });

  it('take what is right', () => {
    const read = readSettings({
      PORT: ' 443 ',
      HOST: '::1',
      PUBLIC_URL: 'https://causeway.example:8443/',
      STUN_URLS: 'stun:a.example:3478, stuns:b.example',
      TURN_URLS: 'turn:a.example?transport=tcp,turns:[2001:db8::1]:5349',
      TURN_SECRET: 'sixteen characters',
    });
    expect('settings' in read && read.settings).toMatchObject({
      PORT: 443,
      HOST: '::1',
      PUBLIC_URL: 'https://causeway.example:8443',
      STUN_URLS: ['stun:a.example:3478', 'stuns:b.example'],
      TURN_URLS: ['turn:a.example?transport=tcp', 'turns:[2001:db8::1]:5349'],
    });
  });

  it.each([
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '80.5'],
    ['PORT', '0x50'],
    ['HOST', 'a b'],
    ['HOST', 'http://x'],
    ['PUBLIC_URL', 'ftp://x.example'],
    ['PUBLIC_URL', 'https://x.example/path'],
    ['PUBLIC_URL', 'https://x.example/?a'],
    ['PUBLIC_URL', 'https://user@x.example'],
    ['STUN_URLS', 'turn:x.example'],
    ['STUN_URLS', 'x.example'],
    ['TURN_URLS', 'turn:x.example, y'],
    ['TURN_SECRET', 'short'],
    ['LOG_LEVEL', 'loud'],
    ['TRUST_PROXY', 'yes'],
    ['REGISTRATIONS_PER_MINUTE', '0'],
    ['SESSION_DAYS', '500'],
  ])('refuse %s=%s with one sentence that names it', (name, value) => {
    const mistakes = mistakesOf({ [name]: value });
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toMatch(new RegExp(`^${name} must be .*\\.$`));
    if (name === 'TURN_SECRET') expect(mistakes[0]).not.toContain(value);
    else expect(mistakes[0]).toContain(`"${value}"`);
  });

  it('need a secret for TURN', () => {
    expect(mistakesOf({ TURN_URLS: 'turn:x.example' })).toEqual([
      'TURN_URLS needs TURN_SECRET, the static-auth-secret of the TURN server.',
    ]);
  });

  it('are in docs/operating.md as they are here', () => {
    const rows = new Map(
      [...readFileSync('docs/operating.md', 'utf8').matchAll(/^\| `([A-Z_]+)` \| (.*?) \| (.*?) \|$/gm)].map(
        ([, name, fallback, about]) => [name, { fallback, about }],
      ),
    );
    const expected = Object.entries<Setting>(settingTable).map(([name, { fallback, about }]) => [
      name as SettingName,
      { fallback: fallback === '' ? '' : `\`${fallback}\``, about },
    ]);
    expect([...rows]).toEqual(expected);
  });
});
