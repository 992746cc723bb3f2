/**
 * Every sentence that a person reads, in one place. Components hold no wording of their own, so that a translation replaces this file alone.
 * Accessible names in here (labels, buttons, regions) are stable: others rely on them.
 */
import type { ActionError, Connection, Delivery, FileCard, MessageItem, PersonRow } from './state/view.ts';
import { duration, locale, size } from './format.ts';

const plural = new Intl.PluralRules('en');
const number = new Intl.NumberFormat(locale);
const count = (n: number, one: string, other: string): string =>
  `${number.format(n)} ${plural.select(n) === 'one' ? one : other}`;

const errors: Record<ActionError['code'], string> = {
  malformed: 'Causeway could not understand that. Check what you typed and try again.',
  'too-large': 'That is too long for one message. Send it in parts, or as a file.',
  'not-allowed': 'That is not allowed. You may have to log in again.',
  'rate-limited': 'That was too many tries in a short time. Wait a moment, then try again.',
  'handle-taken': 'That username, or one that looks just like it, is taken. Try another one.',
  'wrong-credentials': 'The username or the password is wrong.',
  'weak-password': 'That password is too easy to guess. Use at least 8 characters that nobody would think of.',
  'unknown-handle': 'Nobody has this username. Check how it is spelled.',
  'unknown-device': 'This browser does not belong to the account any more. Log in again.',
  'stale-list': 'Your devices changed in the meantime. Try again.',
  'too-many-requests': 'Too many requests are waiting for an answer. Try again when some have been answered.',
  offline: 'That person is offline right now.',
  'unsupported-version': 'The other side runs another version of Causeway. Reload both, then try again.',
  'shutting-down': 'The server is restarting. Try again in a moment.',
  internal: 'Something went wrong on the server. Try again in a moment.',
  unknown: 'Something went wrong. Try again.',
  'no-server': 'The server does not answer. Check your connection, then try again.',
  'wrong-recovery-code': 'That is not the recovery code of this account. Check every character.',
  'no-space': 'There is not enough free space on this device.',
  storage: 'This browser could not store it. Check that it is allowed to keep data, and that there is room.',
  unreadable: 'A file could not be read. It may have been moved, changed or deleted. Choose it again.',
  yourself: 'That is your own username. Enter the username of somebody else.',
};

const fileFailures = {
  'no-space': 'Stopped: there is not enough free space',
  storage: 'Stopped: this browser could not store it',
  changed: 'Stopped: the file was changed since it was offered',
  verification: 'Stopped: the data did not arrive intact',
} as const;

export const nameOf = (person: { displayName: string; handle: string }): string => person.displayName || person.handle;

export const text = {
  appName: 'Causeway',
  title: (waiting: number, open: string) =>
    `${waiting > 0 ? `(${number.format(waiting)}) ` : ''}${open ? `${open} · ` : ''}Causeway`,
  error: (error: ActionError): string =>
    error.code === 'rate-limited' && error.retryAfterMs !== undefined
      ? `That was too many tries in a short time. Try again in ${duration(Math.ceil(error.retryAfterMs / 1000))}.`
      : errors[error.code],
  back: 'Back',
  cancel: 'Cancel',
  dismiss: 'Dismiss',
  copy: 'Copy',
  copied: 'Copied',

  starting: 'Opening Causeway…',
  insecure: {
    title: 'This address is not secure',
    body: 'Browsers only keep keys and files on pages that are opened over https, or on this computer itself. Open Causeway with an address that begins with https://.',
  },
  unsupported: {
    title: 'This browser cannot run Causeway',
    body: (missing: string) =>
      `It lacks something that Causeway needs: ${missing}. A current Chrome, Edge, Firefox or Safari has it. Private windows sometimes switch it off.`,
  },
  otherTab: {
    title: 'Causeway is open in another tab',
    body: 'Messages and transfers go on there. You can move them to this tab.',
    use: 'Use here',
  },

  welcome: {
    tagline: 'Chat, and hand each other files of any size. Straight from device to device.',
    points: [
      'Any size: it continues where it stopped',
      'Nobody in between reads or keeps it',
      'All it takes is a username',
    ],
    create: 'Create account',
    login: 'Log in',
    ended: 'You were logged out here. What is on this device is kept: log in to see it.',
    createTitle: 'Choose a username',
    loginTitle: 'Welcome back',
    username: 'Username',
    usernameHint: 'Others find you by it. 3 to 32 of a–z, 0–9, dot, dash and underscore.',
    password: 'Password',
    passwordHint: 'At least 8 characters.',
    showPassword: 'Show what I type',
    displayName: 'Display name',
    email: 'Email',
    optional: 'optional',
    haveAccount: 'You have an account already?',
    noAccount: 'New here?',
    usernameMissing: 'Enter a username.',
    usernameWrong: 'A username has 3 to 32 characters: a–z, 0–9, dot, dash and underscore.',
    passwordMissing: 'Enter your password.',
    passwordShort: 'The password needs at least 8 characters.',
    passwordLong: 'The password can have 128 characters at most.',
    emailWrong: 'This does not look like an email address. You can also leave it empty.',
    working: 'One moment…',
  },
  recoveryCode: {
    region: 'Recovery code',
    title: 'Keep your recovery code',
    body: 'It is the only way into your account on a new browser, or when this one is cleared. Nobody can send it to you again. It is shown only now.',
    saved: 'I saved it',
    asText: 'Save as text',
    fileName: (app: string) => `${app} recovery code.txt`,
    fileBody: (code: string) =>
      `Causeway recovery code\n\n${code}\n\nKeep it where only you find it. It opens your account on a new browser.\n`,
    copyFailed: 'Copying was not allowed. Select the code and copy it by hand.',
  },
  recover: {
    title: 'This browser is new to your account',
    body: (handle: string) =>
      `You are logged in as @${handle}. Enter the recovery code that you kept when you created the account.`,
    code: 'Recovery code',
    use: 'Use this code',
    missing: 'Enter the recovery code.',
    without: 'Continue without it',
    lostTitle: 'Continue without the recovery code',
    lostWarning: 'You get new keys, and everybody you know is warned that they changed.',
    lostBody:
      'Messages and files that are only on your other devices do not come to this browser. Devices that you used so far no longer belong to the account. This cannot be undone.',
    password: 'Password',
    makeNew: 'Make new keys',
    backToCode: 'I have the code after all',
    logout: 'Log out',
  },

  connection: {
    connecting: 'Connecting…',
    online: '',
    offline: 'No connection to the server. Trying again… What you write is kept and sent later.',
  } satisfies Record<Connection, string>,
  update: {
    ready: 'A new version is ready.',
    waits: 'A new version is ready. It can be loaded when your transfers are done.',
    load: 'Load it',
  },

  people: {
    title: 'Chats',
    settings: 'Settings',
    share: 'Share with username',
    sharePlaceholder: 'Share with a username',
    shareGo: 'Open',
    shareMissing: 'Enter the username of the person, exactly as they gave it to you.',
    emptyTitle: 'Nobody here yet',
    emptyBody: 'Enter the username of somebody above to say hello or to send a file. Or give them yours:',
    yourUsername: 'Your username',
    copyHandle: 'Copy your username',
    list: 'Conversations',
    online: 'online',
    offline: 'offline',
    unread: (n: number) => `${number.format(n)} unread`,
    requestSent: 'Request sent',
    blocked: 'Blocked',
    mine: (said: string) => `You: ${said}`,
    transferring: (percent: number) => `Transferring, ${number.format(percent)} %`,
  },
  requests: {
    region: 'Requests',
    wants: 'wants to talk to you',
    accept: 'Accept',
    decline: 'Decline',
    block: 'Block',
  },

  conversation: {
    pick: 'Choose a conversation',
    pickBody: 'Or enter a username on the left to start one.',
    log: 'Messages',
    message: 'Message',
    messagePlaceholder: 'Write a message',
    send: 'Send',
    attach: 'Attach files',
    preparing: 'Preparing the files…',
    drop: (name: string) => `Drop to send to ${name}`,
    details: 'Details',
    newest: 'Go to the newest',
    typing: (name: string) => `${name} is writing…`,
    search: 'Search in this conversation',
    unreadDivider: 'Unread',
    emptyTitle: (name: string) => `This is the beginning with ${name}`,
    emptyBody: 'Write something, or drop a file of any size here.',
    emptyOutgoing: (name: string) => `What you send now reaches ${name} as soon as your request is accepted.`,
    outgoing: (name: string) => `${name} has not accepted your request yet. What you send waits until then.`,
    incoming: (name: string) => `${name} wants to talk to you.`,
    blocked: (name: string) => `You blocked ${name}. Nothing goes out and nothing comes in.`,
    none: (name: string) => `${name} is not among your contacts.`,
    unblock: 'Unblock',
    keysChangedTitle: (name: string) => `The keys of ${name} changed`,
    keysChanged: (name: string) =>
      `${name} may have started over on a new device. Or somebody pretends to be ${name}. Ask in another way, before you send anything private.`,
    keysAcknowledge: 'I asked, it is fine',
    folder: 'Folders cannot be sent yet. Choose the files inside.',
    lastSeen: (when: string) => `last seen ${when}`,
  },
  message: {
    menu: 'Message actions',
    reply: 'Reply',
    edit: 'Edit',
    delete: 'Delete',
    copy: 'Copy',
    copyFailed: 'Copying was not allowed.',
    react: (emoji: string) => `React with ${emoji}`,
    moreEmoji: 'More emoji',
    edited: 'edited',
    disappears: 'disappears',
    deleted: 'This message was deleted',
    deleteTitle: 'Delete this message for everybody?',
    deleteBody:
      'It is removed here and from the devices of the others as soon as they hear of it. Whoever kept a copy still has it. This cannot be undone.',
    reaction: (emoji: string, names: string[]) => `${emoji} ${names.join(', ')}`,
    quoteGone: 'A message that is not here any more',
    quote: (author: string) => `Go to the message of ${author} that this one answers`,
    replyingTo: (author: string) => `Reply to ${author}`,
    editing: 'Edit your message',
    stop: 'Stop',
    saveEdit: 'Save the change',
    timer: (afterMs: number) =>
      afterMs === 0
        ? 'Messages do not disappear any more'
        : `From now on messages disappear after ${duration(Math.round(afterMs / 1000))}`,
    linkHost: (host: string) => `(${host})`,
  },
  chat: {
    options: (name: string) => `Options for ${name}`,
    title: 'Conversation',
    pin: 'Pin to the top',
    unpin: 'Unpin',
    mute: 'Mute',
    unmute: 'Unmute',
    archive: 'Archive',
    unarchive: 'Take out of the archive',
    pinned: 'pinned',
    muted: 'muted',
    archived: (n: number) => `Archived (${number.format(n)})`,
    disappear: 'Disappearing messages',
    disappearHint:
      'What is written from then on disappears after this time: for you after it was sent, for the other person after it was seen.',
    timers: { off: 'Off', minutes: '5 minutes', hour: '1 hour', day: '1 day', week: '1 week' },
    date: 'Go to a date',
  },
  palette: {
    open: 'Search (Ctrl+K)',
    title: 'Search',
    titleIn: (name: string) => `Search in the conversation with ${name}`,
    placeholder: 'People, messages, settings',
    placeholderIn: 'Words of a message',
    people: 'People',
    messages: 'Messages',
    commands: 'Settings',
    nothing: 'Nothing found',
    begin: 'Type to search. Everything is found on this device, also without a connection.',
    settings: 'Open settings',
    theme: (name: string) => `Theme: ${name}`,
  },
  delivery: { queued: 'queued', sent: 'sent', delivered: 'delivered', read: 'delivered and read' } satisfies Record<Delivery, string>,
  notice: {
    'keys-changed': (name: string) => `The keys of ${name} changed`,
    'needs-newer-version': () => 'A message that needs a newer version of Causeway',
    'contact-accepted': (name: string) => `You and ${name} are contacts now`,
  } satisfies Record<Extract<MessageItem, { kind: 'notice' }>['notice'], (name: string) => string>,

  offer: {
    region: 'Incoming file offer',
    wants: (name: string, files: number) => `${name} wants to send you ${count(files, 'file', 'files')}`,
    stranger: 'Not among your contacts. Accepting the file accepts the person too.',
    total: (bytes: number) => `${size(bytes)} in total`,
    free: (bytes: number) => `${size(bytes)} free here`,
    tooBig: (bytes: number) => `Only ${size(bytes)} free here`,
    of: (n: number) => `1 of ${number.format(n)}`,
    more: (n: number) => `and ${number.format(n)} more`,
    accept: 'Accept',
    decline: 'Decline',
    block: 'Block',
    files: 'Files offered',
  },

  file: {
    progress: (name: string) => `Progress of ${name}`,
    figures: (file: FileCard): string[] => {
      const parts = [`${size(file.doneBytes)} of ${size(file.sizeBytes)}`];
      if (file.bytesPerSecond !== undefined) parts.push(`${size(file.bytesPerSecond)}/s`);
      if (file.secondsLeft !== undefined) parts.push(`${duration(file.secondsLeft)} left`);
      return parts;
    },
    direct: 'direct',
    relayed: 'relayed',
    save: 'Save',
    pause: 'Pause',
    resume: 'Resume',
    cancel: 'Cancel',
    retry: 'Retry',
    chooseAgain: (name: string) => `Choose ${name} again`,
    showAll: (n: number) => `Show all ${count(n, 'file', 'files')}`,
    wrongFile: 'That is another file, or it was changed. Choose the same one.',
  },

  details: {
    title: 'Details',
    path: 'Connection',
    status: 'Status',
    pathNone: 'Not connected right now',
    pathConnecting: 'Connecting…',
    pathOpen: 'Connected',
    pathDirect: 'Direct, from device to device',
    pathRelayed: 'Relayed: an encrypted detour, because no direct way was found',
    private: 'End-to-end encrypted, not verified',
    privateBody: 'Only your devices and theirs can read it, as long as the server named the right ones when you met.',
    block: 'Block',
    unblock: 'Unblock',
    copyHandle: 'Copy username',
  },

  settings: {
    title: 'Settings',
    profile: 'Profile',
    saveProfile: 'Save changes',
    profileSaved: 'Profile updated',
    appearance: 'Appearance',
    privacy: 'Privacy',
    readReceipts: 'Read receipts',
    readReceiptsHint: 'Others see when you have read a message, and you see it of them. Without it neither.',
    typing: 'Show when I am writing',
    typingHint: 'And see when others are writing to you.',
    theme: 'Theme',
    themes: { system: 'System', light: 'Light', dark: 'Dark' },
    storage: 'Storage',
    used: (used: number, quota: number) => `${size(used)} of ${size(quota)} used`,
    storageLabel: 'Storage used',
    persisted: 'This browser keeps your messages and files until you remove them.',
    notPersisted: 'This browser may remove messages and files when the device runs out of space.',
    persist: 'Ask it to keep them',
    persistRefused: 'The browser did not agree. Installing Causeway as an app often helps.',
    about: 'About',
    version: (version: string) => `Causeway ${version}`,
    aboutBody:
      'Messages and files go from device to device, encrypted. The server only helps devices to find each other.',
    session: 'This device',
    logout: 'Log out',
    logoutHint: 'Messages and keys stay in this browser. You only need your password to come back.',
    remove: 'Remove from this device…',
    removeTitle: 'Remove everything from this device?',
    removeBody:
      'Your keys, messages and files are deleted from this browser and you are logged out. To come back you need the recovery code. Without it, history that is only here is lost.',
    removeConfirm: 'Remove from this device',
  },
};

/** The status line of a file card. Only a finished file begins with "Received" or "Sent". */
export function fileStatus(file: FileCard, person: PersonRow): string {
  const name = nameOf(person);
  const { status } = file;
  switch (status.kind) {
    case 'waiting':
      if (file.mine) return `Waiting for ${name}`;
      return status.needsAnswer ? 'Waiting for your answer' : `Waiting for ${name}`;
    case 'running':
      return file.mine ? 'Sending' : 'Receiving';
    case 'verifying':
      return file.mine ? `Almost done: ${name} is checking it` : 'Almost done: checking it';
    case 'paused':
      return status.byMe ? 'Paused' : `Paused by ${name}`;
    case 'needs-file':
      if (!file.mine) return `Waiting for ${name} to choose the file again`;
      return status.wrongFile ? text.file.wrongFile : 'To go on, choose the file again';
    case 'done':
      return file.mine ? 'Sent' : 'Received';
    case 'declined':
      return 'Declined';
    case 'cancelled':
      return status.byMe ? 'Cancelled' : `Cancelled by ${name}`;
    case 'failed':
      return fileFailures[status.reason];
  }
}
