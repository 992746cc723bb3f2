import { describe, expect, it } from 'vitest';
import { checkLogin, checkNew, typedHandle } from './account-form.ts';

const form = { handle: 'ada', password: 'correct horse', displayName: '', email: '' };

describe('account form', () => {
  it.each([
    [' @Ada ', 'ada'],
    ['grace.hopper', 'grace.hopper'],
    ['@', ''],
  ])('takes %j as %j', (typed, handle) => {
    expect(typedHandle(typed)).toBe(handle);
  });

  it.each([
    [{}, []],
    [{ handle: '' }, ['handle']],
    [{ handle: 'ab' }, ['handle']],
    [{ handle: 'ada lovelace' }, ['handle']],
    [{ handle: '...' }, ['handle']],
    [{ password: '' }, ['password']],
    [{ password: '1234567' }, ['password']],
    [{ password: 'x'.repeat(129) }, ['password']],
    [{ email: 'not an address' }, ['email']],
    [{ email: ' ada@example.org ' }, []],
  ])('a new account with %j is wrong in %j', (changed, wrong) => {
    expect(Object.keys(checkNew({ ...form, ...changed }))).toEqual(wrong);
  });

  it('asks for nothing but both fields when logging in', () => {
    expect(checkLogin({ ...form, password: 'x' })).toEqual({});
    expect(Object.keys(checkLogin({ ...form, handle: ' ', password: '' }))).toEqual(['handle', 'password']);
  });
});
