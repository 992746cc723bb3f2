/** A file of a bundle that cannot be read any more as it was offered. */
export interface BundleProblem {
  kind: 'missing' | 'changed';
  /** As the file system has it. */
  path: string;
}
