/** What a bench is: one question, the measuring, and the answer as rows of a table and curves. */

export interface Row {
  what: string;
  /** In words, with its unit; empty for a yardstick. */
  target: string;
  measured: string;
  /** Absent for a yardstick. */
  reached?: boolean;
}

export interface Curve {
  label: string;
  points: [x: number, y: number][];
}

export interface Panel {
  title: string;
  /** Unit of the values; time is in seconds. */
  unit: string;
  curves: Curve[];
  /** A level to compare with, drawn as a dashed line. */
  level?: { value: number; label: string };
  /** Spans of time with something to know, drawn as a band. */
  bands?: { from: number; to: number; label: string }[];
}

export interface Answer {
  rows: Row[];
  panels?: Panel[];
  /** What is to be known about the figures, and what was left out. */
  notes?: string[];
}

/** How much of a question is asked; less than all is for a look while working. */
export interface Extent {
  /** Shorter and fewer: the record says so. */
  quick: boolean;
  /** Only conditions whose title has this in it. */
  only: string | undefined;
  /** Beside the app, also what it is compared with. */
  yardsticks: boolean;
}

export interface Run extends Extent {
  say: (text: string) => void;
}

export interface Question {
  name: string;
  asks: string;
  /** About how long it takes. */
  seconds: (extent: Extent) => number;
  /** Why it cannot be measured here, or nothing. */
  missing?: () => string | undefined;
  measure: (run: Run) => Promise<Answer>;
}

export const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(bytes < 1e6 ? 2 : 1);
export const wait = (ms: number): Promise<void> => new Promise((next) => setTimeout(next, ms));
