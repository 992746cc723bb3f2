/** Dates, sizes and durations as the person's locale writes them. Sizes are decimal: 1 kB is 1000 bytes, as on the box of a disk. */

/** The language of `text.ts`; the region, and with it the shape of dates, comes from the browser. */
const language = 'en';
const preferred = typeof navigator === 'undefined' ? [] : navigator.languages;
export const locale: string = preferred.find((tag) => tag === language || tag.startsWith(`${language}-`)) ?? language;

const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte', 'petabyte'] as const;

/** "0 bytes", "999 bytes", "1.5 kB", "12 MB", "4.29 GB": three digits at most. */
export function size(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  // 999.5 would be rounded to "1,000 kB": it is 1 MB then.
  while (value >= (unit === 0 ? 1000 : 999.5) && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return new Intl.NumberFormat(locale, {
    style: 'unit',
    unit: units[unit] ?? 'byte',
    unitDisplay: unit === 0 ? 'long' : 'short',
    maximumFractionDigits: unit === 0 ? 0 : value < 10 ? 2 : value < 100 ? 1 : 0,
  }).format(value);
}

const part = (value: number, unit: 'second' | 'minute' | 'hour' | 'day'): string =>
  new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'short' }).format(value);

/** How long something takes, as coarse as a person thinks of it: "5 sec", "3 min", "1 hr 20 min", "2 days". */
export function duration(seconds: number): string {
  const whole = Math.max(1, Math.round(seconds));
  if (whole < 60) return part(whole, 'second');
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return part(minutes, 'minute');
  const hours = Math.floor(minutes / 60);
  if (hours < 24)
    return minutes % 60 === 0 ? part(hours, 'hour') : `${part(hours, 'hour')} ${part(minutes % 60, 'minute')}`;
  return part(Math.round(hours / 24), 'day');
}

const startOfDay = (at: number): number => new Date(at).setHours(0, 0, 0, 0);
/** Whole calendar days from `at` to `now`, by local midnights, so that a day of 23 or 25 hours counts as one. */
export const daysBetween = (at: number, now: number): number =>
  Math.round((startOfDay(now) - startOfDay(at)) / 86_400_000);

const clock = new Intl.DateTimeFormat(locale, { timeStyle: 'short' });
const weekday = new Intl.DateTimeFormat(locale, { weekday: 'long' });
const dayThisYear = new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long' });
const dayOtherYear = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'long', year: 'numeric' });
const shortDay = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'short' });
const shortDate = new Intl.DateTimeFormat(locale, { day: 'numeric', month: 'numeric', year: '2-digit' });
const moment = new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'short' });
const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
const sameYear = (a: number, b: number): boolean => new Date(a).getFullYear() === new Date(b).getFullYear();
const capital = (words: string): string => words.charAt(0).toLocaleUpperCase(locale) + words.slice(1);

/** "14:05" */
export const time = (at: number): string => clock.format(at);
/** The whole date and time, for titles. */
export const fullMoment = (at: number): string => moment.format(at);

/** The separator between days: "Today", "Yesterday", "Tuesday, 4 August", "4 August 2024". */
export function day(at: number, now: number): string {
  const days = daysBetween(at, now);
  if (days === 0 || days === 1) return capital(relative.format(-days, 'day'));
  return (sameYear(at, now) ? dayThisYear : dayOtherYear).format(at);
}

/** As short as a list has room for: "14:05", "Yesterday", "Tuesday", "4 Aug", "04/08/24". */
export function shortMoment(at: number, now: number): string {
  const days = daysBetween(at, now);
  if (days <= 0) return clock.format(at);
  if (days === 1) return capital(relative.format(-1, 'day'));
  if (days < 7) return weekday.format(at);
  return (sameYear(at, now) ? shortDay : shortDate).format(at);
}

/** How long ago, within a sentence: "now", "5 minutes ago", "yesterday". */
export function ago(at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 60) return relative.format(0, 'second');
  if (seconds < 3600) return relative.format(-Math.floor(seconds / 60), 'minute');
  if (daysBetween(at, now) === 0) return relative.format(-Math.floor(seconds / 3600), 'hour');
  return relative.format(-daysBetween(at, now), 'day');
}

/** A time within something that is played: "0:07", "12:30". */
export function playTime(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** A moment as part of a file name, the same in every language, in order when sorted: "2026-08-04 14.05.09", local time. */
export function stamp(at: number): string {
  const when = new Date(at);
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = [when.getFullYear(), two(when.getMonth() + 1), two(when.getDate())].join('-');
  return `${date} ${[when.getHours(), when.getMinutes(), when.getSeconds()].map(two).join('.')}`;
}
