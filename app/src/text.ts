/**
 * Every sentence that a person reads, in one place: this file and the folder of its name. Components hold no wording of their own, so that a
 * translation replaces these alone.
 * Accessible names in here (labels, buttons, regions) are stable: others rely on them.
 */
import { conversation } from './text/conversation.ts';
import { errorText } from './text/errors.ts';
import { files } from './text/files.ts';
import { people } from './text/people.ts';
import { settings } from './text/settings.ts';
import { start } from './text/start.ts';
import { number, percent } from './text/words.ts';

export { fileStatus } from './text/files.ts';
export { nameApart, nameOf, percent, sharedNames, withHandle } from './text/words.ts';

export const text = {
  appName: 'Causeway',
  /** While something runs the progress (0 to 1) takes the place of who is open. */
  title: (waiting: number, open: string, progress: number | undefined) => {
    const first = progress === undefined ? open : percent(progress);
    return `${waiting > 0 ? `(${number.format(waiting)}) ` : ''}${first ? `${first} · ` : ''}Causeway`;
  },
  error: errorText,
  back: 'Back',
  cancel: 'Cancel',
  close: 'Close',
  dismiss: 'Dismiss',
  copy: 'Copy',
  copied: 'Copied',

  starting: 'Opening Causeway…',
  ...start,
  ...people,
  ...conversation,
  ...files,
  ...settings,
};
