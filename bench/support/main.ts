/** Asks the questions named on the command line, or all, one after the other, and writes down what came out. */
import { parseArgs } from 'node:util';
import { writeRecord, type Asked } from './record.ts';
import { idleShareSince, load, machine, processorTime } from './machine.ts';
import type { Extent, Question } from './question.ts';
import { ownProcess } from './workspace.ts';
import catchUp from '../catch-up.ts';
import cut from '../cut.ts';
import distance from '../distance.ts';
import fairness from '../fairness.ts';
import firstByte from '../first-byte.ts';
import groupFile from '../group-file.ts';
import groups from '../groups.ts';
import largeFolder from '../large-folder.ts';
import loopback from '../loopback.ts';
import loss from '../loss.ts';
import memory from '../memory.ts';
import messages from '../messages.ts';
import smallFiles from '../small-files.ts';
import start from '../start.ts';

const questions: Question[] = [
  loopback,
  distance,
  loss,
  fairness,
  memory,
  firstByte,
  smallFiles,
  largeFolder,
  groupFile,
  cut,
  messages,
  groups,
  catchUp,
  start,
];

ownProcess();
const { positionals: named, values: options } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    continue: { type: 'boolean', default: false },
    'app-only': { type: 'boolean', default: false },
    only: { type: 'string' },
  },
});
const unknown = named.filter((one) => !questions.some(({ name }) => name === one));
if (unknown.length > 0) {
  console.error(`There is no ${unknown.join(', ')}. There are: ${questions.map(({ name }) => name).join(', ')}.`);
  process.exit(2);
}
const extent: Extent = { quick: options.quick, yardsticks: !options['app-only'], only: options.only };
const chosen = questions.filter(({ name }) => named.length === 0 || named.includes(name));
const minutes = (seconds: number): string => (seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`);
console.log(`About ${minutes(chosen.reduce((sum, { seconds }) => sum + seconds(extent), 0))} in all.`);

const where = machine();
const asked: Asked[] = [];
for (const question of chosen) {
  console.log(`\n# ${question.name}: ${question.asks}\n  about ${minutes(question.seconds(extent))}`);
  const missing = question.missing?.();
  const before = load();
  if (before.noisy && !missing) console.log(`  Something else is running here (load ${before.perCore} per core).`);
  const startedAt = Date.now();
  const ticks = processorTime();
  const answer = missing
    ? { rows: [], notes: [`Left out: ${missing}.`] }
    : await question.measure({ ...extent, say: (text) => console.log(`  ${text}`) });
  for (const { what, target, measured, reached } of answer.rows)
    console.log(
      `  ${reached === undefined ? ' ' : reached ? '✓' : '✗'} ${what}: ${measured}${target && ` (${target})`}`,
    );
  for (const note of answer.notes ?? []) console.log(`  ${note}`);
  const { name, asks } = question;
  asked.push({
    idleShare: idleShareSince(ticks),
    name,
    asks,
    quick: extent.quick,
    load: before,
    seconds: Math.round((Date.now() - startedAt) / 1000),
    ...answer,
  });
  // After each, so that one that fails takes nothing from those before.
  console.log(`  ${writeRecord(where, asked, options.continue)}`);
}
process.exit(0);
