/**
 * The record of a run: `bench/results/<date>-<commit>.{json,md,svg}`. Nothing earlier is overwritten: a second run of the same day and commit
 * gets a number, or goes on in the first one's record when it is asked to.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from './machine.ts';
import { root } from './native.ts';
import { picture } from './picture.ts';
import type { Answer } from './question.ts';

export interface Asked extends Answer {
  name: string;
  asks: string;
  quick: boolean;
  /** At the start. */
  load: { perCore: number; noisy: boolean };
  seconds: number;
}
interface Record {
  machine: Machine;
  asked: Asked[];
}

const folder = join(root, 'bench/results');
let path: string | undefined;

/** Writes what has been asked so far; later calls of a run replace its earlier ones. @returns where */
export function writeRecord(machine: Machine, asked: readonly Asked[], goOn: boolean): string {
  mkdirSync(folder, { recursive: true });
  path ??= choosePath(machine, goOn);
  const before = existsSync(`${path}.json`) ? (JSON.parse(readFileSync(`${path}.json`, 'utf8')) as Record).asked : [];
  const kept = before.filter(({ name }) => !asked.some((one) => one.name === name));
  const record: Record = { machine, asked: [...kept, ...asked] };
  const panels = record.asked.flatMap((one) => (one.panels ?? []).map((panel) => ({ ...panel, question: one.name })));
  writeFileSync(`${path}.json`, `${JSON.stringify(record, rounded)}\n`);
  if (panels.length > 0) writeFileSync(`${path}.svg`, picture(panels));
  writeFileSync(`${path}.md`, markdown(record, panels.length > 0 ? `${name(path)}.svg` : undefined));
  return `${path.slice(root.length)}.{json,md,svg}`;
}

function choosePath(machine: Machine, goOn: boolean): string {
  const first = join(folder, `${machine.at.slice(0, 10)}-${machine.commit || 'no-commit'}`);
  if (goOn || !existsSync(`${first}.json`)) return first;
  for (let number = 2; ; number++) if (!existsSync(`${first}-${number}.json`)) return `${first}-${number}`;
}

const name = (of: string): string => of.slice(of.lastIndexOf('/') + 1);

/** Curves need no more than this; the files stay small enough to keep. */
const rounded = (_key: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value;

function markdown({ machine: where, asked }: Record, image: string | undefined): string {
  const lines = [
    `# Measured ${where.at.slice(0, 10)}, commit ${where.commit || 'unknown'}`,
    '',
    `${where.cores} cores of ${where.processor}, ${where.memoryGb} GB, Linux ${where.kernel}, Node ${where.node}, ${where.chromium}, ${where.firefox}. ` +
      'MB/s are 10^6 bytes per second. The machine drifts: compare only figures of one run.',
    '',
  ];
  if (where.changedFiles.length > 0) lines.push(`Not as committed: ${where.changedFiles.join(', ')}.`, '');
  if (image) lines.push(`![Curves of this run](${image})`, '');
  for (const { name: title, asks, quick, load, seconds, rows, notes = [] } of asked) {
    lines.push(`## ${title}`, '', asks, '');
    lines.push(
      `${quick ? 'Quick form. ' : ''}Took ${seconds} s; load at the start ${load.perCore} per core${load.noisy ? ': **something else was running, take these with care**' : ''}.`,
      '',
    );
    if (rows.length > 0) {
      lines.push('| what | target | measured | reached |', '| --- | --- | --- | --- |');
      for (const row of rows)
        lines.push(
          `| ${row.what} | ${row.target} | ${row.measured} | ${row.reached === undefined ? '' : row.reached ? 'yes' : '**no**'} |`,
        );
      lines.push('');
    }
    for (const note of notes) lines.push(`- ${note}`);
    if (notes.length > 0) lines.push('');
  }
  return `${lines.join('\n').trimEnd()}\n`;
}
