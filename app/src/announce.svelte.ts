/** Short messages of the app that fit nowhere else: shown for a while, read out by screen readers. */
import type { ActionResult } from './state/actions.ts';
import { text } from './text.ts';

export interface Announcement {
  id: number;
  tone: 'good' | 'bad';
  words: string;
}

let nextId = 1;
let shown = $state.raw<Announcement[]>([]);

export const announcements = {
  get all(): Announcement[] {
    return shown;
  },
};

export function dismiss(id: number): void {
  shown = shown.filter((one) => one.id !== id);
}

export function announce(words: string, tone: Announcement['tone'] = 'good'): void {
  const id = nextId++;
  // The same sentence twice would only push the others away.
  shown = [...shown.filter((one) => one.words !== words), { id, tone, words }].slice(-3);
  setTimeout(() => dismiss(id), tone === 'bad' ? 12_000 : 5_000);
}

/** For actions without a place of their own for an error. */
export async function announceFailure(result: Promise<ActionResult>): Promise<boolean> {
  const answer = await result;
  if (!answer.ok) announce(text.error(answer.error), 'bad');
  return answer.ok;
}
