/** Numbers, counts and names inside sentences. */
import { locale, size } from '../format.ts';

const plural = new Intl.PluralRules('en');
export const number = new Intl.NumberFormat(locale);
export const ratio = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 2 });
export const milliseconds = (ms: number): string =>
  new Intl.NumberFormat(locale, { style: 'unit', unit: 'millisecond', maximumFractionDigits: 0 }).format(ms);
export const count = (n: number, one: string, other: string): string =>
  `${number.format(n)} ${plural.select(n) === 'one' ? one : other}`;

/** "42 %": 100 only when all is done. */
export const percent = (part: number): string => `${number.format(Math.floor(Math.min(1, part) * 100))} %`;

/** Of a file that does not fit. */
export const needs = (neededBytes: number, freeBytes: number): string =>
  `This needs ${size(neededBytes)}, and ${size(freeBytes)} are free here. Make room first.`;

/** The conversation with the own devices. */
export const selfName = 'My devices';

export const nameOf = (person: { displayName: string; handle: string; self?: true }): string =>
  person.self ? selfName : person.displayName || person.handle;
