/** Does the app fill a line with a queue and a round trip, and how much delay does it add there? Beside it a raw channel and TCP on the same line. */
import { question } from './support/line-question.ts';

export default question({
  name: 'distance',
  asks: 'How much of a line of 80 Mbit/s does a transfer get at a distance, and how long is the queue that it keeps?',
  conditions: [20, 50, 100, 200].map((rttMs) => ({
    rttMs,
    loss: 0,
    target: 0.9,
    maxQueueMs: 50,
    quick: rttMs === 50 || rttMs === 100,
    yardsticks: ['raw', 'cubic', 'bbr'],
  })),
});
