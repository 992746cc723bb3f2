/** What the screens show of what moves: each link, all of it together, and the list of transfers. */
import type { Path } from '../../../../engine/session/wire.ts';
import type { Series } from '../speed-series.ts';
import type { PersonRow } from '../view.ts';
import type { FileCard } from './files.ts';

/** One open link to somebody: the way, in words for everybody, and figures for those who ask. Whatever is not measured is absent. */
export interface PathView {
  path?: Path | undefined;
  roundTripMs?: number | undefined;
  /** Added by queues on the way, beyond the shortest round trip. */
  queueDelayMs?: number | undefined;
  lanes?: number | undefined;
  /** 0 to 1. */
  lossRatio?: number | undefined;
  bytesPerSecond?: number | undefined;
  receivedBytesPerSecond?: number | undefined;
}

/** What all transfers together do; `progress` is of everything that ran since the last time nothing did, 0 to 1, absent while nothing runs. */
export interface Moving {
  running: number;
  /** Anything at all, also what is passed on to others of what came here: leaving the page would interrupt it. */
  any: boolean;
  /** 0 to 1; without what has no whole: a file that all of a group may fetch. */
  progress?: number;
}

/** Of what runs and what waits in line, in one direction. */
export interface Total {
  files: number;
  /** Of the files that go to one device. */
  doneBytes: number;
  sizeBytes: number;
  /** Of those that all of a group may fetch. */
  sharedBytes?: number;
  bytesPerSecond: number;
  secondsLeft?: number;
}

export interface TransferRow {
  person: PersonRow;
  file: FileCard;
  /** While it runs: each link that it goes over. */
  paths?: PathView[];
  /** In line: 0 is next, and `last` has nothing after it. */
  place?: number;
  last?: boolean;
}

export interface TransferGroup {
  kind: 'attention' | 'running' | 'in-line' | 'waiting' | 'paused' | 'finished';
  rows: TransferRow[];
}

export interface TransfersView {
  /** Those that have rows, in the order in which they are shown. */
  groups: TransferGroup[];
  down: Total;
  up: Total;
  series: Series;
  canPause: boolean;
  canResume: boolean;
}
