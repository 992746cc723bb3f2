/** Files: offers, cards, lists, transfers. */
import type { Path } from '../../../engine/session/wire.ts';
import { duration, size } from '../format.ts';
import type { PersonRow } from '../state/view.ts';
import type { BundleSize, BundleView, CopiesView, FileCard } from '../state/views/files.ts';
import type { PathView, Total, TransferGroup } from '../state/views/transfers.ts';
import { number, ratio, milliseconds, count, nameOf, needs } from './words.ts';

const haveIt = (have: number, of: number): string => `${number.format(have)} of ${number.format(of)} have it`;
/** Of people who have a copy; there may be 200. */
const namesShown = 5;

const ways: Record<Path, string> = {
  'same-network': 'Direct, on the same network',
  direct: 'Direct',
  relayed: 'Relayed',
};

const fileFailures = {
  storage: () => 'Stopped: this browser could not store it',
  changed: (file: FileCard) =>
    file.mine
      ? `Stopped: ${file.name} was changed since it was offered. Retry with the file as it was, or send it anew.`
      : `Stopped: ${file.name} was changed since it was offered`,
  verification: () => 'Stopped: the data did not arrive intact',
  differs: () => 'Stopped: the sender gave out different contents under this name',
} as const;

export const files = {
  offer: {
    region: 'Incoming file offer',
    wants: (name: string, files: number) => `${name} wants to send you ${count(files, 'file', 'files')}`,
    stranger: 'Not among your contacts. Accepting the file accepts the person too.',
    total: (bytes: number) => `${size(bytes)} in total`,
    free: (bytes: number) => `${size(bytes)} free here`,
    tooBig: (bytes: number) => `Only ${size(bytes)} free here`,
    noRoom: (needed: number, free: number) =>
      `${needs(needed, free)} Accepted anyway, it pauses when the disk is full and goes on when there is room.`,
    acceptAnyway: 'Accept anyway',
    of: (n: number) => `1 of ${number.format(n)}`,
    more: (n: number) => `and ${number.format(n)} more`,
    accept: 'Accept',
    choose: 'Choose…',
    decline: 'Decline',
    block: 'Block',
    files: 'Files offered',
  },

  choose: {
    title: (name: string) => `Choose what to accept from ${name}`,
    search: 'Search files',
    all: 'Choose all',
    loading: (percent: number) => `Loading the list of files… ${number.format(percent)} %`,
    waiting: (name: string) => `Waiting for ${name} to send the list of files…`,
    absent: 'The list of files cannot be loaded now. You can accept everything, or try again later.',
    bad: 'The list of files is not what was offered, so you cannot choose from it.',
    none: 'Nothing has this in its name.',
    chosen: (files: number, bytes: number) => `${count(files, 'file', 'files')} chosen, ${size(bytes)}`,
    tooBig: (bytes: number) => `Only ${size(bytes)} free here`,
    accept: 'Accept chosen',
  },

  tree: {
    open: (name: string) => `Open ${name}`,
    close: (name: string) => `Close ${name}`,
    emptyFolder: 'empty folder',
  },

  file: {
    progress: (name: string) => `Progress of ${name}`,
    figures: (file: FileCard): string[] => {
      const { status } = file;
      const parts =
        status.kind === 'shared'
          ? [size(file.sizeBytes), files.file.sent(status.sentBytes ?? 0)]
          : [`${size(file.doneBytes)} of ${size(file.sizeBytes)}`];
      if (file.bytesPerSecond !== undefined) parts.push(`${size(file.bytesPerSecond)}/s`);
      if (file.secondsLeft !== undefined) parts.push(`${duration(file.secondsLeft)} left`);
      if (status.kind === 'running' && status.stalled) parts.push(`no data for ${duration(status.stalled.seconds)}`);
      return parts;
    },
    sent: (bytes: number) => `${size(bytes)} sent`,
    byRule: 'Accepted by your rule',
    contents: {
      differs: 'The sender gave out different contents under this name. This copy is not the one they stand by.',
      disputed:
        'Not everybody here got the same contents under this name, and the sender has not said which are right.',
    },
    save: 'Save',
    pause: 'Pause',
    resume: 'Resume',
    cancel: 'Cancel',
    retry: 'Retry',
    download: 'Download',
    downloadAgain: 'Download again',
    gone: {
      cleared: 'Not on this device any more',
      limit: 'Not on this device any more: removed to keep to your limit',
      lost: 'Not on this device any more: this browser removed it',
      elsewhere: 'On another device of yours',
    },
    choose: 'Choose…',
    stopSharing: 'Stop sharing',
    chooseAgain: (name: string) => `Choose ${name} again`,
    onceMore: (button: string) => `Press “${button}” once more to look for it yourself.`,
    showAll: (n: number) => `Show all ${count(n, 'file', 'files')}`,
    saveAs: 'Save as…',
    stopSaving: 'Stop saving',
    saving: { zip: 'Making the ZIP', folder: 'Saving', file: 'Saving' },
    savingProgress: (name: string) => `Saving ${name}`,
    retryFailed: 'Retry failed',
    chooseFolderAgain: (name: string) => `Choose the folder ${name} again`,
    chooseFilesAgain: (name: string) => `Choose the ${name} again`,
    bundle: ({ files, folders }: BundleSize): string =>
      folders === 0
        ? count(files, 'file', 'files')
        : `${count(files, 'file', 'files')} in ${count(folders, 'folder', 'folders')}`,
    wholeOf: (whole: number, all: number) => `${number.format(whole)} of ${count(all, 'file', 'files')}`,
    showFiles: 'Show files',
    hideFiles: 'Hide files',
    list: (name: string) => `Files of ${name}`,
    listLoading: 'Loading the list of files…',
    listAbsent: 'The list of files is not on this device.',
    saveOne: (name: string) => `Save ${name}`,
    entry: {
      waiting: 'Waiting',
      receiving: 'Receiving',
      received: 'Received',
      failed: 'Failed',
      left: 'Not chosen',
      sending: 'Sending',
      arrived: 'Arrived',
      unsent: 'Not sent',
      sent: 'Sent',
    },
    wrongFolder: {
      missing: (name: string) => `${name} is missing in it. Choose the same folder, as it was.`,
      changed: (name: string) => `${name} was changed since it was offered. Choose the folder as it was.`,
    },
    spoiled: ({ kind, name, others }: NonNullable<BundleView['problem']>): string => {
      if (others > 0)
        return `Not sent: ${name} and ${count(others, 'other file', 'other files')} were changed or deleted since they were offered`;
      return `Not sent: ${name} was ${kind === 'missing' ? 'moved or deleted' : 'changed'} since it was offered`;
    },
    incomplete: 'Incomplete: some files were changed or deleted before they were sent',
    badList: 'Its list of files is not what was offered',
    wrongFile: {
      other: (name: string) => `That is another file, or it was changed. Choose ${name} as it was.`,
      changed: (name: string) => `${name} was changed since it was offered. Choose it as it was, or send it anew.`,
    },
  },

  copies: {
    show: 'Who has it',
    otherDevice: (name: string) => (name ? `your device ${name}` : 'another device of yours'),
    somebody: 'somebody',
    remove: 'Remove from this device',
    /** Whole sentences: where it is, and whether it can be had now. */
    words: ({ here, names, online }: CopiesView): string => {
      const own = here === 'none' ? 'Not on this device.' : 'On this device.';
      if (names.length === 0)
        return here === 'none' ? `${own} Nobody has a copy any more.` : `${own} Nobody else has a copy.`;
      const shown =
        names.length > namesShown
          ? [...names.slice(0, namesShown - 1), count(names.length - namesShown + 1, 'other', 'others')]
          : names;
      const list = new Intl.ListFormat('en').format(shown);
      const who = `${list.charAt(0).toUpperCase()}${list.slice(1)} ${names.length === 1 ? 'has' : 'have'} a copy.`;
      return online ? `${own} ${who}` : `${own} ${who} Nobody who is online has it now.`;
    },
  },

  path: {
    way: (path: PathView): string => (path.path === undefined ? '' : ways[path.path]),
    /** Of a file that goes over several links. */
    ways: (paths: readonly Path[]): string => {
      const [only] = paths;
      if (only !== undefined && paths.length === 1) return ways[only];
      return paths.includes('relayed') ? 'Partly relayed' : 'Direct, partly on the same network';
    },
    expert: 'Details',
    /** Of each link, where there are several. */
    link: (place: number) => `Connection ${number.format(place + 1)}`,
    figures: (path: PathView): { term: string; value: string }[] => {
      const rows: [string, string | undefined][] = [
        ['Round trip', path.roundTripMs === undefined ? undefined : milliseconds(path.roundTripMs)],
        ['Queue delay', path.queueDelayMs === undefined ? undefined : milliseconds(path.queueDelayMs)],
        ['Lanes', path.lanes === undefined ? undefined : number.format(path.lanes)],
        ['Loss', path.lossRatio === undefined ? undefined : ratio.format(path.lossRatio)],
        ['Speed out', path.bytesPerSecond === undefined ? undefined : `${size(path.bytesPerSecond)}/s`],
        ['Speed in', path.receivedBytesPerSecond === undefined ? undefined : `${size(path.receivedBytesPerSecond)}/s`],
      ];
      return rows.flatMap(([term, value]) => (value === undefined ? [] : [{ term, value }]));
    },
    noFigures: 'Nothing is measured on this connection yet.',
  },

  rule: {
    title: 'Accept files by itself',
    switch: 'Accept files by itself',
    needsVerified: (name: string) => `Only for people whose safety number you compared. Compare it with ${name} first.`,
    hint: 'An offer within the limits is accepted at once if there is room. All others still ask.',
    upTo: 'Up to, per offer',
    kinds: 'Which files',
    kindNames: {
      everything: 'Everything',
      pictures: 'Pictures',
      video: 'Video',
      audio: 'Audio',
      documents: 'Documents',
    },
    none: 'Choose at least one kind: nothing is accepted by itself now.',
  },

  transfers: {
    title: 'Transfers',
    /** Of the button that opens the screen. */
    open: (running: number, needingYou: number): string => {
      const parts = ['Transfers'];
      if (running > 0) parts.push(`${number.format(running)} running`);
      if (needingYou > 0) parts.push(`${number.format(needingYou)} ${needingYou === 1 ? 'needs' : 'need'} you`);
      return parts.join(', ');
    },
    emptyTitle: 'Nothing on its way',
    emptyBody:
      'Open a conversation and drop a file there. What you send and receive, with everybody, is then listed here.',
    groups: {
      attention: 'Needs you',
      running: 'Running',
      'in-line': 'Waiting in line',
      waiting: 'Waiting for the other side',
      paused: 'Paused',
      finished: 'Finished',
    } satisfies Record<TransferGroup['kind'], string>,
    list: 'All transfers',
    pauseAll: 'Pause all',
    resumeAll: 'Resume all',
    clear: 'Clear finished',
    clearHint: 'Finished files leave this list. The conversations keep them.',
    down: 'Receiving',
    up: 'Sending',
    total: (total: Total): string => {
      const parts = [count(total.files, 'file', 'files')];
      if (total.sizeBytes > 0) parts.push(`${size(total.doneBytes)} of ${size(total.sizeBytes)}`);
      if (total.sharedBytes !== undefined) parts.push(files.file.sent(total.sharedBytes));
      if (total.bytesPerSecond > 0) parts.push(`${size(total.bytesPerSecond)}/s`);
      if (total.secondsLeft !== undefined) parts.push(`${duration(total.secondsLeft)} left`);
      return parts.join(' · ');
    },
    nothing: 'Nothing right now',
    graph: (down: number, up: number, most: number) =>
      `Speed of the last two minutes: now ${size(down)}/s in and ${size(up)}/s out, at most ${size(most)}/s`,
    most: (bytesPerSecond: number) => `${size(bytesPerSecond)}/s`,
    span: 'Last 2 minutes',
    from: 'From',
    to: 'To',
    conversation: (name: string) => `Open the conversation with ${name}`,
    place: (place: number) => `${number.format(place)} in line`,
    top: (file: string) => `Move ${file} to the top`,
    moveUp: (file: string) => `Move ${file} up`,
    moveDown: (file: string) => `Move ${file} down`,
    movedTo: (file: string, place: number) => `${file} is number ${number.format(place)} in line`,
  },
};

/** The status line of a file card. Only a finished file begins with "Received" or "Sent". */
export function fileStatus(file: FileCard, person: PersonRow): string {
  const name = nameOf(person);
  const { status } = file;
  const problem = file.bundle?.problem;
  if (person.departed && ['waiting', 'running', 'paused', 'needs-file'].includes(status.kind))
    return `${file.mine ? 'Not sent' : 'Not received'}: ${name} deleted their account`;
  switch (status.kind) {
    case 'waiting':
      if (status.inLine) return 'Waiting in line';
      if (status.nobody) return 'Waiting: nobody who is online has it now';
      if (file.mine) return `Waiting for ${name}`;
      if (status.tooSlow) return `Waiting: ${name} sends too slowly. It is tried again in a while.`;
      return status.needsAnswer ? 'Waiting for your answer' : `Waiting for ${name}`;
    case 'running':
      if (status.stalled) return status.stalled.reconnecting ? 'No data, reconnecting…' : 'No data at the moment';
      return file.mine ? 'Sending' : 'Receiving';
    case 'verifying':
      return file.mine ? `Almost done: ${name} is checking it` : 'Almost done: checking it';
    case 'paused':
      if (status.full)
        return status.byMe
          ? 'Paused: the disk is full. Make room, then it goes on.'
          : `Paused: the disk of ${name} is full`;
      return status.byMe ? 'Paused' : `Paused by ${name}`;
    case 'needs-file':
      if (!file.mine) return `Waiting for ${name} to choose the file again`;
      if (problem) return files.file.wrongFolder[problem.kind](problem.name);
      if (status.wrongFile) return files.file.wrongFile[status.wrongFile](file.name);
      return file.bundle?.folders ? 'To go on, choose the folder again' : 'To go on, choose the file again';
    case 'shared':
      if (status.paused) return `Paused. ${haveIt(status.have, status.of)}`;
      if (status.sendingTo > 0) return `Sending. ${haveIt(status.have, status.of)}`;
      return haveIt(status.have, status.of);
    case 'offered':
      return status.nobody ? 'Nobody who is online has it now' : 'Not downloaded';
    case 'done':
      return file.mine ? 'Sent' : 'Received';
    case 'gone':
      return `${files.file.gone[status.reason]}${status.nobody ? '. Nobody who is online has it now' : ''}`;
    case 'declined':
      return 'Declined';
    case 'cancelled':
      return status.byMe || person.group ? 'Cancelled' : `Cancelled by ${name}`;
    case 'failed':
      if (status.reason === 'changed' && problem) return files.file.spoiled(problem);
      if (status.reason === 'changed' && file.bundle && !file.mine) return files.file.incomplete;
      return fileFailures[status.reason](file);
  }
}
