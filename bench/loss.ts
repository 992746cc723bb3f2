/** Does the app fill a line that loses packets at random? TCP on the same line is the least that it must reach. */
import { question } from './support/line-question.ts';

export default question({
  name: 'loss',
  asks: 'How much of the same line does a transfer get when packets are lost at random?',
  conditions: [
    { rttMs: 50, loss: 0.01, target: 0.7, quick: true },
    { rttMs: 100, loss: 0.01, target: 0.4 },
    { rttMs: 50, loss: 0.001, target: 0.8 },
    { rttMs: 100, loss: 0.001, target: 0.6 },
  ].map((condition) => ({ ...condition, atLeast: 'cubic' as const, yardsticks: ['raw', 'cubic', 'bbr'] as const })),
});
