import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccountId } from '../../protocol/ids.ts';
import { decide, relationOf, shuns, sinceOf, type Verdict } from './relations.ts';
import type { PairRecord } from './store.ts';

const [a, b] = ['A' as AccountId, 'B' as AccountId];
const verdicts: Verdict[] = ['request', 'accept', 'decline', 'block', 'unblock', 'remove'];
const steps = fc.array(fc.record({ actor: fc.constantFrom(a, b), verdict: fc.constantFrom(...verdicts) }), {
  maxLength: 30,
});

function run(moves: readonly { actor: AccountId; verdict: Verdict }[]): PairRecord | undefined {
  let pair: PairRecord | undefined;
  moves.forEach(({ actor, verdict }, index) => {
    const result = decide(pair, actor, actor === a ? b : a, verdict, index + 1, () => (pair ? [pair] : []));
    if (result.kind !== 'refused') pair = result.after;
  });
  return pair;
}

describe('relations', () => {
  it('are accepted on both sides or on none', () => {
    fc.assert(
      fc.property(steps, (moves) => {
        const pair = run(moves);
        expect(relationOf(pair, a) === 'accepted').toBe(relationOf(pair, b) === 'accepted');
        if (relationOf(pair, a) === 'incoming') expect(relationOf(pair, b)).toBe('outgoing');
      }),
    );
  });

  it('never become accepted unless both asked or accepted', () => {
    fc.assert(
      fc.property(steps, (moves) => {
        const wants = (who: AccountId) =>
          moves.some(({ actor, verdict }) => actor === who && (verdict === 'request' || verdict === 'accept'));
        if (relationOf(run(moves), a) === 'accepted') expect(wants(a) && wants(b)).toBe(true);
      }),
    );
  });

  it('do not tell who asks whether the other declined, blocked, unblocked or did nothing', () => {
    const silent: Verdict[] = ['decline', 'block', 'unblock'];
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...silent), { maxLength: 5 }),
        fc.array(fc.constantFrom<Verdict>('request', 'remove'), { maxLength: 8 }),
        (hidden, asking) => {
          const first = { actor: a, verdict: 'request' as const };
          const idle = hidden.map(() => ({ actor: a, verdict: 'request' as const }));
          const rest = asking.map((verdict) => ({ actor: a, verdict }));
          const shunned = run([first, ...hidden.map((verdict) => ({ actor: b, verdict })), ...rest]);
          const open = run([first, ...idle, ...rest]);
          expect(relationOf(shunned, a)).toBe(relationOf(open, a));
          if (relationOf(open, a) !== 'none') expect(sinceOf(shunned, a)).toBe(sinceOf(open, a));
        },
      ),
    );
  });

  it('keep a block whatever the blocked one does', () => {
    fc.assert(
      fc.property(steps, (moves) => {
        const pair = run([{ actor: b, verdict: 'block' }, ...moves.filter(({ actor }) => actor === a)]);
        expect(relationOf(pair, b)).toBe('blocked');
        expect(shuns(pair, b)).toBe(true);
      }),
    );
  });
});
