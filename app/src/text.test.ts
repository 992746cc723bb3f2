import { describe, expect, it } from 'vitest';
import { errorCodes } from '../../protocol/errors.ts';
import type { PersonRow } from './state/view.ts';
import type { BundleView, FileCard, FileStatus } from './state/views/files.ts';
import type { MessageItem } from './state/views/messages.ts';
import { fileStatus, text } from './text.ts';

const person = { displayName: 'Ada', handle: 'ada' } as PersonRow;
const card = (mine: boolean, status: FileStatus): FileCard => ({ mine, status }) as FileCard;

const statuses: [FileStatus, mine: string, theirs: string][] = [
  [{ kind: 'waiting', needsAnswer: false }, 'Waiting for Ada', 'Waiting for Ada'],
  [{ kind: 'waiting', needsAnswer: true }, 'Waiting for Ada', 'Waiting for your answer'],
  [{ kind: 'waiting', needsAnswer: false, inLine: true }, 'Waiting in line', 'Waiting in line'],
  [{ kind: 'running' }, 'Sending', 'Receiving'],
  [{ kind: 'verifying' }, 'Almost done: Ada is checking it', 'Almost done: checking it'],
  [{ kind: 'paused', byMe: true }, 'Paused', 'Paused'],
  [{ kind: 'paused', byMe: false }, 'Paused by Ada', 'Paused by Ada'],
  [
    { kind: 'paused', byMe: true, full: true },
    'Paused: the disk is full. Make room, then it goes on.',
    'Paused: the disk is full. Make room, then it goes on.',
  ],
  [{ kind: 'paused', byMe: false, full: true }, 'Paused: the disk of Ada is full', 'Paused: the disk of Ada is full'],
  [
    { kind: 'running', stalled: { seconds: 7, reconnecting: true } },
    'No data, reconnecting…',
    'No data, reconnecting…',
  ],
  [{ kind: 'running', stalled: { seconds: 7, reconnecting: false } }, 'No data at the moment', 'No data at the moment'],
  [{ kind: 'needs-file' }, 'To go on, choose the file again', 'Waiting for Ada to choose the file again'],
  [
    { kind: 'waiting', needsAnswer: false, nobody: true },
    'Waiting: nobody who is online has it now',
    'Waiting: nobody who is online has it now',
  ],
  [{ kind: 'shared', have: 3, of: 5, sendingTo: 0 }, '3 of 5 have it', '3 of 5 have it'],
  [{ kind: 'shared', have: 3, of: 5, sendingTo: 2 }, 'Sending. 3 of 5 have it', 'Sending. 3 of 5 have it'],
  [{ kind: 'shared', have: 3, of: 5, sendingTo: 0, paused: true }, 'Paused. 3 of 5 have it', 'Paused. 3 of 5 have it'],
  [{ kind: 'offered' }, 'Not downloaded', 'Not downloaded'],
  [{ kind: 'offered', nobody: true }, 'Nobody who is online has it now', 'Nobody who is online has it now'],
  [{ kind: 'gone', reason: 'elsewhere' }, 'On another device of yours', 'On another device of yours'],
  [{ kind: 'done' }, 'Sent', 'Received'],
  [{ kind: 'declined' }, 'Declined', 'Declined'],
  [{ kind: 'cancelled', byMe: true }, 'Cancelled', 'Cancelled'],
  [{ kind: 'cancelled', byMe: false }, 'Cancelled by Ada', 'Cancelled by Ada'],
];

describe('fileStatus', () => {
  it.each(statuses)('%j', (status, mine, theirs) => {
    expect(fileStatus(card(true, status), person)).toBe(mine);
    expect(fileStatus(card(false, status), person)).toBe(theirs);
  });

  it('waits for nobody who is gone', () => {
    const gone = { ...person, departed: true } as PersonRow;
    expect(fileStatus(card(true, { kind: 'waiting', needsAnswer: false }), gone)).toBe(
      'Not sent: Ada deleted their account',
    );
    expect(fileStatus(card(false, { kind: 'paused', byMe: true }), gone)).toBe(
      'Not received: Ada deleted their account',
    );
    expect(fileStatus(card(false, { kind: 'done' }), gone)).toBe('Received');
  });

  it('says "Sent" and "Received" only of what is done', () => {
    for (const [status, ...words] of statuses)
      if (status.kind !== 'done') for (const word of words) expect(word).not.toMatch(/^(Sent|Received)/);
  });
});

describe('who has a copy', () => {
  it.each([
    [{ here: 'none', names: [], online: false }, 'Not on this device. Nobody has a copy any more.'],
    [{ here: 'offered', names: [], online: false }, 'On this device. Nobody else has a copy.'],
    [{ here: 'received', names: ['Ada'], online: true }, 'On this device. Ada has a copy.'],
    [
      { here: 'none', names: ['your device Desk', 'Ada'], online: false },
      'Not on this device. Your device Desk and Ada have a copy. Nobody who is online has it now.',
    ],
    [
      { here: 'none', names: ['A', 'B', 'C', 'D', 'E', 'F', 'G'], online: true },
      'Not on this device. A, B, C, D, and 3 others have a copy.',
    ],
  ] as const)('%j', (copies, words) => {
    expect(text.copies.words({ ...copies, names: [...copies.names] })).toBe(words);
  });
});

it('asks before what is deleted for everybody by its name, and says what stays', () => {
  const file = (extra: Partial<FileCard> = {}) => ({ ...card(true, { kind: 'done' }), ...extra });
  const bundle = (folders: number) => file({ bundle: { files: 21, folders } as BundleView });
  const voice = file({ media: { kind: 'audio', here: true, voice: { durationMs: 1, levels: [] } } });
  const titleOf = (...files: FileCard[]) => text.message.deleteTitle({ kind: 'files', files } as MessageItem);
  expect(text.message.deleteTitle({ kind: 'text' } as MessageItem)).toBe('Delete this message for everybody?');
  expect([titleOf(file()), titleOf(file(), file()), titleOf(voice), titleOf(bundle(1)), titleOf(bundle(0))]).toEqual([
    'Delete this file for everybody?',
    'Delete these 2 files for everybody?',
    'Delete this voice message for everybody?',
    'Delete this folder for everybody?',
    'Delete these 21 files for everybody?',
  ]);
  for (const item of [{ kind: 'text' }, { kind: 'files', files: [file()] }] as MessageItem[])
    expect(text.message.deleteBody(item)).toMatch(/Whoever (kept|saved) a copy still has it/);
});

describe('errors', () => {
  it.each(errorCodes)('%s has a sentence', (code) => {
    expect(text.error({ code })).toMatch(/^[A-Z].*\.$/);
  });

  it('says how long to wait when the server does', () => {
    expect(text.error({ code: 'rate-limited', retryAfterMs: 61_000 })).toContain('1 min');
  });
});

describe('the title of the page', () => {
  it.each([
    [0, '', undefined, 'Causeway'],
    [2, 'Ada', undefined, '(2) Ada · Causeway'],
    [0, 'Ada', 0.429, '42 % · Causeway'],
    [3, '', 0.9999, '(3) 99 % · Causeway'],
  ])('%j waiting, %j open, %j done', (waiting, open, progress, title) => {
    expect(text.title(waiting, open, progress)).toBe(title);
  });
});

it.each([
  [0, 0, 'Transfers'],
  [2, 0, 'Transfers, 2 running'],
  [0, 1, 'Transfers, 1 needs you'],
  [1, 20, 'Transfers, 1 running, 20 need you'],
])('the button of transfers says what runs and what needs somebody: %j, %j', (running, needingYou, name) => {
  expect(text.transfers.open(running, needingYou)).toBe(name);
});

describe('the way of the bytes', () => {
  it('is said in words, and in figures as far as they are known', () => {
    expect(text.path.way({ path: 'same-network' })).toBe('Direct, on the same network');
    expect(text.path.ways(['direct'])).toBe('Direct');
    expect(text.path.ways(['direct', 'same-network'])).toBe('Direct, partly on the same network');
    expect(text.path.ways(['same-network', 'relayed'])).toBe('Partly relayed');
    expect(text.path.figures({ path: 'direct' })).toEqual([]);
    expect(text.path.figures({ roundTripMs: 20.4, lanes: 4, lossRatio: 0.0123 })).toEqual([
      { term: 'Round trip', value: '20 ms' },
      { term: 'Lanes', value: '4' },
      { term: 'Loss', value: '1.23%' },
    ]);
  });
});
