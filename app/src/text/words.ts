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

interface Named {
  /** Empty when there is none. */
  displayName: string;
  handle: string;
  self?: true;
  /** Others who may be meant have the same name. */
  namesake?: true;
}

export const nameOf = (person: Named): string => (person.self ? selfName : person.displayName || person.handle);

export const withHandle = (name: string, handle: string): string =>
  handle === '' || name === handle ? name : `${name} (@${handle})`;

/** Where nothing but a name fits, and somebody else may be meant. */
export const nameApart = (person: Named): string =>
  person.namesake ? withHandle(nameOf(person), person.handle) : nameOf(person);

/** The names that more than one of these people has. */
export function sharedNames(people: Iterable<Named>): ReadonlySet<string> {
  const [once, shared] = [new Set<string>(), new Set<string>()];
  for (const person of people) (once.has(nameOf(person)) ? shared : once).add(nameOf(person));
  return shared;
}
