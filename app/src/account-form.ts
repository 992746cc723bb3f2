/** What the account form checks before it bothers the server. The server checks again. */
import * as v from 'valibot';
import { limits } from '../../protocol/limits.ts';
import { Handle } from '../../protocol/names.ts';
import { Email } from '../../protocol/people.ts';
import { text } from './text.ts';

export interface AccountForm {
  handle: string;
  password: string;
  displayName: string;
  email: string;
}
export type FieldErrors = Partial<Record<keyof AccountForm, string>>;

/** People type "@Ada " for "ada". */
export const typedHandle = (typed: string): string => typed.trim().replace(/^@/, '').toLowerCase();

export function checkLogin(form: AccountForm): FieldErrors {
  const errors: FieldErrors = {};
  if (!typedHandle(form.handle)) errors.handle = text.welcome.usernameMissing;
  if (!form.password) errors.password = text.welcome.passwordMissing;
  return errors;
}

export function checkNew(form: AccountForm): FieldErrors {
  const errors = checkLogin(form);
  if (!errors.handle && !v.is(Handle, typedHandle(form.handle))) errors.handle = text.welcome.usernameWrong;
  const { length } = form.password;
  if (length < limits.passwordMinLength) errors.password = text.welcome.passwordShort;
  if (length > limits.passwordMaxLength) errors.password = text.welcome.passwordLong;
  if (form.email.trim() && !v.is(Email, form.email.trim())) errors.email = text.welcome.emailWrong;
  return errors;
}
