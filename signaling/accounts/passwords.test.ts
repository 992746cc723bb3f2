import { describe, expect, it } from 'vitest';
import { createPasswords, isWeakPassword, TooBusy } from './passwords.ts';

describe('passwords', () => {
  it('are argon2id with the agreed cost, and unknown accounts cost one too', async () => {
    const passwords = await createPasswords(2);
    const stored = await passwords.hash('correct horse battery');
    expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await passwords.verify(stored, 'correct horse battery')).toBe(true);
    expect(await passwords.verify(stored, 'correct horse batterz')).toBe(false);
    expect(await passwords.verify(undefined, 'correct horse battery')).toBe(false);
  });

  it('wait their turn, and a queue that is too long is refused', async () => {
    const passwords = await createPasswords(1);
    const outcomes = await Promise.allSettled(Array.from({ length: 140 }, () => passwords.verify(undefined, 'x')));
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused).toHaveLength(140 - 128 - 1);
    expect(refused[0]?.reason).toBeInstanceOf(TooBusy);
    expect(await passwords.verify(undefined, 'x')).toBe(false);
  });

  it.each([
    'password1',
    'PASSWORD',
    'qwertyuiop',
    '1234567890',
    '11111111',
    'abababab',
    'Causeway!',
    'grace_hopper',
    'gracehopper1906',
  ])('%s is weak', (password) => {
    expect(isWeakPassword(password, 'grace.hopper')).toBe(true);
  });
  it.each(['correct horse battery', 'Tr0ub4dor&3', 'grüße aus Köln', 'пароль-надёжный'])('%s is not', (password) => {
    expect(isWeakPassword(password, 'grace.hopper')).toBe(false);
  });
});
