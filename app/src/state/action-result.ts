/** From what the engine and the storage answer to what an action answers. */
import type { Outcome } from '../../../engine/causeway.ts';
import { SinkError, SourceError } from '../../../engine/ports.ts';
import type { ActionResult } from './actions.ts';

export const ok: ActionResult = { ok: true };

export function resultOf(outcome: Outcome): ActionResult {
  return outcome.ok ? ok : outcome;
}

/** Storage that fails is an expected outcome here; anything else is a defect and goes up. */
export async function guard(work: () => Promise<ActionResult>): Promise<ActionResult> {
  try {
    return await work();
  } catch (problem) {
    if (problem instanceof SinkError) return { ok: false, error: { code: problem.kind } };
    if (problem instanceof SourceError) return { ok: false, error: { code: 'unreadable' } };
    if (problem instanceof DOMException && problem.name === 'QuotaExceededError')
      return { ok: false, error: { code: 'no-space' } };
    throw problem;
  }
}
