/**
 * Every sentence that a person reads, in one place. Components hold no wording of their own, so that a translation replaces this file alone.
 * Accessible names in here (labels, buttons, regions) are stable: others rely on them.
 */
import type {
  ActionError,
  BundleSize,
  BundleView,
  Connection,
  CopiesView,
  Delivery,
  FileCard,
  MessageItem,
  PathView,
  PersonRow,
  Total,
  TransferGroup,
} from './state/view.ts';
import type { Path } from '../../engine/session/wire.ts';
import { duration, locale, size } from './format.ts';

const plural = new Intl.PluralRules('en');
const number = new Intl.NumberFormat(locale);
const ratio = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 2 });
const milliseconds = (ms: number): string =>
  new Intl.NumberFormat(locale, { style: 'unit', unit: 'millisecond', maximumFractionDigits: 0 }).format(ms);
const count = (n: number, one: string, other: string): string =>
  `${number.format(n)} ${plural.select(n) === 'one' ? one : other}`;

const haveIt = (have: number, of: number): string => `${number.format(have)} of ${number.format(of)} have it`;
/** Of people who have a copy; there may be 200. */
const namesShown = 5;

/** "42 %": 100 only when all is done. */
export const percent = (part: number): string => `${number.format(Math.floor(Math.min(1, part) * 100))} %`;

const ways: Record<Path, string> = {
  'same-network': 'Direct, on the same network',
  direct: 'Direct',
  relayed: 'Relayed',
};

const errors: Record<ActionError['code'], string> = {
  malformed: 'Causeway could not understand that. Check what you typed and try again.',
  'too-large': 'That is too long for one message. Send it in parts, or as a file.',
  'not-allowed': 'That is not allowed. You may have to log in again.',
  'rate-limited': 'That was too many tries in a short time. Wait a moment, then try again.',
  'handle-taken': 'That username, or one that looks just like it, is taken. Try another one.',
  'wrong-credentials': 'The username or the password is wrong.',
  'weak-password': 'That password is too easy to guess. Use at least 8 characters that nobody would think of.',
  'unknown-handle': 'Nobody has this username. Check how it is spelled.',
  'unknown-invitation': 'This invitation is not valid any more. Ask for a new one.',
  'unknown-device': 'This browser does not belong to the account any more. Log in again.',
  'account-deleted': 'This account was deleted, from another of your devices.',
  'stale-list': 'Your devices changed in the meantime. Try again.',
  'too-many-requests': 'Too many requests are waiting for an answer. Try again when some have been answered.',
  elsewhere:
    'Your connection comes from another network now, so you are not shown there. Switch it on again if you want to be.',
  'nearby-full': 'Too many people are behind this address for this to be of use.',
  'nearby-unavailable': 'This server cannot tell who is nearby.',
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
  'too-many-files': 'The list of files is too long for one folder. Send its parts one by one.',
  'not-saved': 'It could not be saved there. Choose another place.',
  'wrong-join-code': 'That is no join code. Check what you typed, or open the link that you were sent.',
  'no-space-for-zip': 'There is no room for a ZIP beside the files themselves.',
  'archive-too-large': 'This file is too large to be read here.',
  'not-an-archive': 'This is not a conversation that was exported as JSON.',
  'newer-version': 'This file needs a newer version of Causeway.',
  'another-conversation': 'This file is of another conversation.',
  yourself: 'That is your own username. Enter the username of somebody else.',
};

const fileFailures = {
  storage: () => 'Stopped: this browser could not store it',
  changed: (file: FileCard) =>
    file.mine
      ? `Stopped: ${file.name} was changed since it was offered. Retry with the file as it was, or send it anew.`
      : `Stopped: ${file.name} was changed since it was offered`,
  verification: () => 'Stopped: the data did not arrive intact',
} as const;

export const nameOf = (person: { displayName: string; handle: string; self?: true }): string =>
  person.self ? text.people.self : person.displayName || person.handle;

/** One calm line for what happened in a group. */
function groupEvent({ what, who, doneBy, byMe, mine }: Extract<MessageItem, { kind: 'event' }>): string {
  const [first = '', ...others] = who;
  const whom =
    others.length === 0
      ? first
      : others.length < 3
        ? `${[first, ...others.slice(0, -1)].join(', ')} and ${others.at(-1) ?? ''}`
        : `${first}, ${others[0] ?? ''} and ${number.format(others.length - 1)} others`;
  const actor = byMe ? 'You' : (doneBy ?? '');
  switch (what) {
    case 'created':
      return mine ? 'You created the group' : `${whom} created the group`;
    case 'joined':
      return mine && others.length === 0 ? 'You joined' : `${whom} joined`;
    case 'left':
      return mine ? 'You left' : `${whom} left`;
    case 'removed':
      return mine ? `${actor} removed you` : actor ? `${actor} removed ${whom}` : `${whom} was removed`;
    case 'made-admin':
      return mine ? `${actor} made you an admin` : `${actor} made ${whom} an admin`;
    case 'made-member':
      return mine ? `${actor} took the admin role away from you` : `${actor} took the admin role away from ${whom}`;
    case 'made-owner':
      return mine ? 'You are the owner of the group now' : `${whom} is the owner of the group now`;
    case 'named':
      return mine ? 'You changed the name or picture of the group' : `${whom} changed the name or picture of the group`;
    case 'deleted':
      return mine ? 'You deleted the group' : `${whom} deleted the group`;
  }
}

export const text = {
  appName: 'Causeway',
  /** While something runs the progress (0 to 1) takes the place of who is open. */
  title: (waiting: number, open: string, progress: number | undefined) => {
    const first = progress === undefined ? open : percent(progress);
    return `${waiting > 0 ? `(${number.format(waiting)}) ` : ''}${first ? `${first} · ` : ''}Causeway`;
  },
  error: (error: ActionError): string =>
    error.code === 'rate-limited' && error.retryAfterMs !== undefined
      ? `That was too many tries in a short time. Try again in ${duration(Math.ceil(error.retryAfterMs / 1000))}.`
      : error.code === 'no-space-for-zip' && error.neededBytes !== undefined && error.freeBytes !== undefined
        ? `${errors[error.code]} It needs ${size(error.neededBytes)}, and ${size(error.freeBytes)} are free. Make room, or save the files one by one.`
        : errors[error.code],
  back: 'Back',
  cancel: 'Cancel',
  close: 'Close',
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
    ended: {
      session: 'You were logged out here. What is on this device is kept: log in to see it.',
      revoked:
        'This device was removed from your account by another one of your devices. To use it again, log in and have it approved.',
      evicted:
        'This browser removed Causeway’s data: the keys, messages and files that were here. Your account is not affected. Log in, and approve this browser once more.',
    },
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
    body: 'When no other device of yours is at hand, it is the only way into your account on a new or cleared browser. Nobody can send it to you again. It is shown only now.',
    saved: 'I saved it',
    asText: 'Save as text',
    fileName: (app: string) => `${app} recovery code.txt`,
    fileBody: (code: string) =>
      `Causeway recovery code\n\n${code}\n\nKeep it where only you find it. It opens your account on a new browser.\n`,
    copyFailed: 'Copying was not allowed. Select the code and copy it by hand.',
  },
  recover: {
    title: 'Approve this device',
    body: (handle: string) =>
      `You are logged in as @${handle}. This browser is new to your account, so one more step is needed.`,
    evicted:
      'This browser removed Causeway’s data: the keys, messages and files that were here. Your account is not affected. Messages come back from your other devices, or from the people you talked to.',
    byDevice: 'With another device of yours',
    byDeviceBody: 'Open Causeway there first. Both show a code, and you compare them.',
    ask: (name: string) => `Ask ${name}`,
    byCode: 'With the recovery code',
    byCodeBody: 'The one that you kept when you created the account.',
    askingTitle: (name: string) => `Asking ${name}…`,
    compareTitle: 'Compare the codes',
    compareBody: (name: string) =>
      `${name} shows a code too. If it is exactly this one, press Approve there. If not, press Refuse.`,
    code8: 'Comparing code',
    approvedTitle: 'Approved',
    approvedBody: 'One moment…',
    over: {
      refused: (name: string) => `${name} refused, or is busy with another request.`,
      expired: () => 'Nobody answered in time. Ask again.',
      offline: (name: string) => `${name} is not online. Open Causeway there, then ask again.`,
      failed: () => 'Something was not as it should be, so this was stopped. Ask again.',
    },
    stopAsking: 'Cancel',
    askAgain: 'Back',
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
    deleted:
      'This account was deleted, on another of your devices. What is here can still be read until you delete it in Settings. Nothing is sent or received any more.',
  } satisfies Record<Connection, string>,
  storageFull:
    'There is no room left on this device, so messages cannot be stored. Nothing is lost: what you wrote stays in the field, and what others sent waits with them. It goes on when there is room.',
  update: {
    ready: 'A new version is ready.',
    waits: 'A new version is ready. It can be loaded when your transfers are done.',
    load: 'Load it',
  },

  groups: {
    create: 'New group',
    name: 'Group name',
    namePlaceholder: 'For example: Saturday choir',
    picture: 'Picture',
    pictureChosen: (name: string) => `Picture: ${name}`,
    createGo: 'Create group',
    nameMissing: 'Give the group a name.',
    edit: 'Change name and picture',
    save: 'Save changes',
    join: 'Join group',
    code: 'Join code',
    codePlaceholder: 'The code, or the whole link',
    joinGo: 'Join',
    joinBody: 'Members of the group see your name and username, and their devices connect to yours.',
    unnamed: 'Group',
    waiting: 'Groups that you asked to join',
    standing: {
      asking: 'Asking to be let in. It goes on by itself as soon as a member is online.',
      waiting: 'Waiting for an admin to let you in.',
      refused: 'You were not let in.',
      gone: 'This invitation is not valid any more.',
    },
    withdraw: 'Remove',
    members: (members: number, online: number) =>
      `${members === 1 ? '1 member' : `${number.format(members)} members`}, ${number.format(online)} online`,
    online: (online: number) => `${number.format(online)} online`,
    empty: (name: string) => `Nobody has written in ${name} yet.`,
    details: 'About this group',
    memberList: 'Members',
    role: { owner: 'Admin, owner', admin: 'Admin', member: 'Member' },
    you: '(you)',
    menu: (name: string) => `Choices for ${name}`,
    makeAdmin: 'Make admin',
    makeMember: 'Take admin role away',
    makeOwner: 'Hand the group over',
    remove: 'Remove from group',
    removeTitle: (name: string) => `Remove ${name}?`,
    removeBody: 'Nothing that is written from now on reaches them. What they have they keep.',
    leave: 'Leave group',
    leaveTitle: 'Leave this group?',
    leaveBody: 'You keep what was written until now. To come back you need an invitation.',
    leaveOwner: 'Somebody else becomes its owner.',
    end: 'Delete group',
    endTitle: 'Delete this group?',
    endBody: 'Nobody can write in it any more. What members have on their devices they keep.',
    out: 'You are not in this group any more.',
    deleted: 'This group was deleted.',
    asking: 'Want to join',
    letIn: 'Let in',
    refuse: 'Refuse',
    invite: 'Invite people',
    inviteBody: 'Whoever has the code, the link or the picture below can join.',
    joinCode: 'Join code',
    newCode: 'New invitation',
    approval: 'An admin lets each person in',
    once: 'For one person',
    lasts: 'Valid',
    day: 'for a day',
    week: 'for a week',
    always: 'until it is ended',
    copyCode: 'Copy code',
    copyLink: 'Copy link',
    copied: 'Copied',
    qr: 'QR code of the link',
    endInvitation: 'End this invitation',
    codeElsewhere: 'Made on another device: its code is shown there alone.',
    used: (used: number, uses: number | undefined) =>
      uses === undefined
        ? `used ${number.format(used)} times`
        : `used ${number.format(used)} of ${number.format(uses)} times`,
    needsApproval: 'an admin lets people in',
    addContact: 'Invite a contact',
    addGo: 'Send invitation',
    added: (name: string) => `An invitation was sent to ${name}.`,
    writing: (names: string[]) =>
      names.length === 1
        ? `${names[0] ?? ''} is writing…`
        : names.length === 2
          ? `${names.join(' and ')} are writing…`
          : `${number.format(names.length)} people are writing…`,
    event: groupEvent,
    noContacts: 'All your contacts are in this group.',
    choose: 'Choose a contact',
    invitationMessage: (group: string, link: string) => `Join “${group}” on Causeway: ${link}`,
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
    departed: 'account deleted',
    mine: (said: string) => `You: ${said}`,
    self: 'My devices',
    selfPreview: 'Notes and files between your devices',
    transferring: (percent: number) => `Transferring, ${number.format(percent)} %`,
  },
  nearby: {
    title: 'People nearby',
    /** Of the button that opens the list. */
    open: (on: boolean, people: number) =>
      on ? `People nearby, on, ${count(people, 'person', 'people')}` : 'People nearby',
    switch: 'Show me to people nearby',
    hint: 'You see only people who switched this on too, and only they see you: your name, your username and your picture. Nearby means that the server sees the same internet address for you both: the same home, office or café, and with some mobile networks and VPNs strangers elsewhere. It goes off when you close Causeway or change the network.',
    list: 'Nearby',
    nobody: 'Nobody else here has it switched on right now.',
    turningOn: 'One moment…',
    ask: 'Send request',
    accept: 'Accept request',
    asked: 'Request sent',
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
    attachFolder: 'Attach folder',
    reading: (files: number) => `Reading folder… ${count(files, 'file', 'files')}`,
    stopReading: 'Cancel',
    preparing: 'Preparing the files…',
    drop: (name: string) => `Drop to send to ${name}`,
    details: 'Details',
    newest: 'Go to the newest',
    typing: (name: string) => `${name} is writing…`,
    onTheWay: 'These are the newest messages. Earlier ones are on their way.',
    search: 'Search in this conversation',
    unreadDivider: 'Unread',
    emptyTitle: (name: string) => `This is the beginning with ${name}`,
    emptyBody: 'Write something, or drop a file of any size here.',
    emptyOutgoing: (name: string) => `What you send now reaches ${name} as soon as your request is accepted.`,
    outgoing: (name: string) => `${name} has not accepted your request yet. What you send waits until then.`,
    incoming: (name: string) => `${name} wants to talk to you.`,
    blocked: (name: string) => `You blocked ${name}. Nothing goes out and nothing comes in.`,
    none: (name: string) => `${name} is not among your contacts.`,
    departed: (name: string) => `${name} deleted their account. What you wrote to each other stays on this device.`,
    unblock: 'Unblock',
    keysChangedTitle: (name: string) => `The keys of ${name} changed`,
    keysChanged: (name: string) =>
      `${name} may have started over on a new device. Or somebody pretends to be ${name}. Ask in another way, before you send anything private.`,
    keysAcknowledge: 'I asked, it is fine',
    keysHeld: (name: string) =>
      `You compared the earlier keys, so nothing goes to ${name} and nothing comes until you press this: what you write waits here.`,
    lastSeen: (when: string) => `last seen ${when}`,
  },
  gathering: {
    empty: (name: string) => `There is nothing in ${name}.`,
    tooMany: (name: string, most: number) =>
      `${name} holds more than ${number.format(most)} files and folders. Send its parts one by one.`,
    pathTooLong: (path: string) => `Nothing was sent: this path is too long or too deep: ${path}`,
    tooLarge: (name: string) => `${name} is larger than what can be sent in one go. Send its parts one by one.`,
    unreadable: (name: string) => `Nothing was sent: something in ${name} could not be read. Try again.`,
    unreadablePath: (path: string) => `Nothing was sent: this could not be read: ${path}`,
  },
  message: {
    menu: 'Message actions',
    reply: 'Reply',
    edit: 'Edit',
    delete: 'Delete',
    copy: 'Copy',
    copyFailed: 'Copying was not allowed.',
    react: (emoji: string) => `React with ${emoji}`,
    clockAhead: 'The clock of the device that sent this was ahead. The time shown is when it arrived.',
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
    namesake: (name: string, handle: string) => `${name} (@${handle})`,
    editing: 'Edit your message',
    stop: 'Stop',
    saveEdit: 'Save the change',
    timer: (afterMs: number) =>
      afterMs === 0
        ? 'Messages do not disappear any more'
        : `From now on messages disappear after ${duration(Math.round(afterMs / 1000))}`,
    linkHost: (host: string) => `(${host})`,
  },
  mention: {
    list: 'People you can mention',
    offered: (n: number) => (n === 1 ? '1 person' : `${number.format(n)} people`),
    you: 'you are mentioned,',
  },
  readers: {
    title: (readers: number, of: number) => `Read by ${number.format(readers)} of ${number.format(of)}`,
    hint: 'Only those who let others know are counted.',
  },
  chat: {
    options: (name: string) => `Options for ${name}`,
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
  delivery: { queued: 'queued', sent: 'sent', delivered: 'delivered', read: 'delivered and read' } satisfies Record<
    Delivery,
    string
  >,
  notice: {
    'keys-changed': (name: string) => `The keys of ${name} changed`,
    'needs-newer-version': () => 'A message that needs a newer version of Causeway',
    'contact-accepted': (name: string) => `You and ${name} are contacts now`,
    'device-added': (name: string, device: string) => `${name} added a device: ${device}`,
    forked: (name: string, device: string, mine: boolean) =>
      mine
        ? `This browser was set back to an earlier state: part of what you wrote on ${device || 'it'} contradicts itself, and is set aside. Send again what did not arrive.`
        : `Part of what ${device ? `${name}’s device ${device}` : `a device of ${name}`} wrote contradicts itself. It is set aside.`,
  } satisfies Record<
    Extract<MessageItem, { kind: 'notice' }>['notice'],
    (name: string, device: string, mine: boolean) => string
  >,

  offer: {
    region: 'Incoming file offer',
    wants: (name: string, files: number) => `${name} wants to send you ${count(files, 'file', 'files')}`,
    stranger: 'Not among your contacts. Accepting the file accepts the person too.',
    total: (bytes: number) => `${size(bytes)} in total`,
    free: (bytes: number) => `${size(bytes)} free here`,
    tooBig: (bytes: number) => `Only ${size(bytes)} free here`,
    noRoom: (needed: number, free: number) =>
      `This needs ${size(needed)}, and ${size(free)} are free here. Make room first. Accepted anyway, it pauses when the disk is full and goes on when there is room.`,
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
      const parts = [`${size(file.doneBytes)} of ${size(file.sizeBytes)}`];
      if (file.bytesPerSecond !== undefined) parts.push(`${size(file.bytesPerSecond)}/s`);
      if (file.secondsLeft !== undefined) parts.push(`${duration(file.secondsLeft)} left`);
      if (file.status.kind === 'running' && file.status.stalled)
        parts.push(`no data for ${duration(file.status.stalled.seconds)}`);
      return parts;
    },
    byRule: 'Accepted by your rule',
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

  emoji: {
    open: 'Emoji',
    title: 'Choose an emoji',
    search: 'Search emoji',
    recent: 'Recent',
    found: 'Found',
    nothing: 'No emoji of this name',
    /** In the order in which Unicode numbers its groups; the one of skin tones is not shown. */
    groups: [
      'Smileys and feelings',
      'People',
      '',
      'Animals and nature',
      'Food and drink',
      'Travel and places',
      'Activities',
      'Things',
      'Symbols',
      'Flags',
    ],
  },

  voice: {
    record: 'Record a voice message',
    recording: 'Recording',
    stopped: 'The longest voice message is 15 minutes. It is ready to be sent.',
    cancel: 'Cancel recording',
    send: 'Send voice message',
    play: 'Play voice message',
    pause: 'Pause voice message',
    position: 'Position',
    at: (seconds: string, of: string) => `${seconds} of ${of}`,
    speed: (rate: number) => `Speed ${number.format(rate)}×`,
    rate: (rate: number) => `${number.format(rate)}×`,
    /** What is said is the name of the file. */
    name: (when: string) => `Voice message ${when}`,
    notAllowed: 'Causeway may not use the microphone. Allow it for this page in the browser, then try again.',
    noMicrophone: 'No microphone was found, or something else is using it.',
    notHere: 'It is not on this device',
    unplayable: 'This browser cannot play this voice message.',
  },

  media: {
    play: (name: string) => `Play ${name}`,
    enlarge: (name: string) => `Enlarge ${name}`,
    previous: 'Previous picture',
    next: 'Next picture',
    place: (at: number, of: number) => `${number.format(at)} of ${number.format(of)}`,
    missing: 'This picture is not on this device, or cannot be shown.',
  },

  copies: {
    show: 'Who has it',
    otherDevice: (name: string) => (name ? `your device ${name}` : 'another device of yours'),
    somebody: 'Somebody',
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

  details: {
    self: 'A conversation with yourself. Only your own devices take part, and they take files without asking.',
    title: 'Details',
    path: 'Connection',
    status: 'Status',
    pathNone: 'Not connected right now',
    pathConnecting: 'Connecting…',
    pathOpen: 'Connected',
    pathRelayed: 'Relayed: an encrypted detour, because no direct way was found',
    private: 'End-to-end encrypted, not verified',
    privateBody: 'Only your devices and theirs can read it, as long as the server named the right ones when you met.',
    privateVerified: 'End-to-end encrypted, verified',
    privateVerifiedBody: 'You compared the safety number: only your devices and theirs can read it.',
    block: 'Block',
    unblock: 'Unblock',
    copyHandle: 'Copy username',
  },

  archive: {
    title: 'Export and import',
    hint: 'What you export is not encrypted any more. Messages that were deleted are not in it, nor are those that disappear; an edited one is shown as it reads now.',
    json: 'Export as JSON',
    page: 'Export as web page',
    pageHint:
      'A ZIP with a page to read, the JSON, and the files of this conversation: those that you received on this device, and those that you sent and that can still be read here.',
    import: 'Import JSON…',
    importHint:
      'Takes messages of this conversation back from a JSON export. Only what somebody in it signed is taken, and nothing twice.',
    working: 'One moment…',
    exported: 'The conversation is in your downloads',
    imported: (added: number, leftOut: number): string => {
      const first = added === 0 ? 'Nothing new was in it.' : `${count(added, 'message was', 'messages were')} added.`;
      return leftOut === 0
        ? first
        : `${first} ${count(leftOut, 'entry was', 'entries were')} left out, because nobody in this conversation signed them so, or others before them are missing.`;
    },
    file: {
      title: (name: string) => `Conversation with ${name}`,
      groupTitle: (name: string) => `Conversation in ${name || text.groups.unnamed}`,
      exported: (when: string, messages: number) => `Exported ${when}. ${count(messages, 'message', 'messages')}.`,
      proof:
        'This page can be changed by anybody who has it. The signatures of what was written are in conversation.json beside it.',
      deleted: 'Deleted message',
      edited: 'edited',
      notHere: 'A message that is not here',
      fileNotHere: 'not in this export',
    },
  },

  path: {
    way: (path: PathView): string => (path.path === undefined ? '' : ways[path.path]),
    expert: 'Details',
    figures: (path: PathView): { term: string; value: string }[] => {
      const rows: [string, string | undefined][] = [
        ['Round trip', path.roundTripMs === undefined ? undefined : milliseconds(path.roundTripMs)],
        ['Queue delay', path.queueDelayMs === undefined ? undefined : milliseconds(path.queueDelayMs)],
        ['Lanes', path.lanes === undefined ? undefined : number.format(path.lanes)],
        ['Loss', path.lossRatio === undefined ? undefined : ratio.format(path.lossRatio)],
        ['Speed', path.bytesPerSecond === undefined ? undefined : `${size(path.bytesPerSecond)}/s`],
      ];
      return rows.flatMap(([term, value]) => (value === undefined ? [] : [{ term, value }]));
    },
    noFigures: 'Nothing is measured on this connection yet.',
  },

  verify: {
    title: 'Safety number',
    body: (name: string) =>
      `Ask ${name} to open the same page and compare these numbers: side by side, or on a call on which you know the voice. If they are the same on both screens, nobody stands between you.`,
    number: 'Safety number',
    show: 'Compare the safety number',
    same: 'They are the same',
    done: (name: string) => `You compared the safety number with ${name}.`,
    undo: 'Not verified any more',
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
    open: (running: number) => (running > 0 ? `Transfers, ${number.format(running)} running` : 'Transfers'),
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
      const parts = [count(total.files, 'file', 'files'), `${size(total.doneBytes)} of ${size(total.sizeBytes)}`];
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

  devices: {
    title: 'Devices',
    here: 'this device',
    online: 'online',
    lastSeen: (when: string) => `last seen ${when}`,
    added: (when: string) => `added ${when}`,
    rename: (name: string) => `Rename ${name}`,
    name: 'Device name',
    save: 'Save name',
    nameMissing: 'Enter a name.',
    revoke: (name: string) => `Remove ${name}`,
    revokeTitle: (name: string) => `Remove ${name} from your account?`,
    revokeBody:
      'It is logged out, and nobody accepts anything from it any more. What is on it already stays there. To use it again it has to be approved anew.',
    revokeConfirm: 'Remove device',
    revoked: 'The device was removed',
    more: 'To add a device, open Causeway there and log in. It then asks for your approval here.',
    history: (from: string, percent: number) => `Getting your history from ${from}… ${number.format(percent)} %`,
    joinTitle: 'A new device wants to join your account',
    joinBody: (name: string) => `${name} shows a code. Press Approve only if it is exactly this one:`,
    joinWarning: 'If you are not adding a device right now, press Refuse: somebody knows your password.',
    approve: 'Approve',
    refuse: 'Refuse',
    approved: (name: string) => `${name} was added`,
  },

  settings: {
    transfers: 'Transfers',
    atOnce: 'Files at a time',
    atOnceHint: 'In each direction. The others wait in line; one place is kept for smaller ones than 1 GB.',
    upLimit: 'Upload limit',
    downLimit: 'Download limit',
    limitUnit: 'MB/s',
    noLimit: 'No limit',
    limitHint: 'In MB per second, over all transfers. Empty for as fast as it goes.',
    limitWrong: 'Enter a number above 0, or nothing.',
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
    kept: {
      title: 'What conversations take',
      measuring: 'Measuring…',
      nothing: 'Nothing is kept here yet.',
      files: (files: number, bytes: number) =>
        files === 0 ? 'no files' : `${size(bytes)} in ${count(files, 'file', 'files')}`,
      messages: (bytes: number) => `messages about ${size(bytes)}`,
      show: (name: string) => `Files of ${name}`,
      clearAll: (name: string) => `Clear files of ${name}`,
      clear: 'Clear files',
      clearOne: (file: string) => `Remove ${file} from this device`,
      sending: 'copy of a file that you are sending',
      onItsWay: 'on its way',
      unsaved: 'never saved or opened',
      more: (files: number) => `and ${count(files, 'smaller one', 'smaller ones')}`,
      askTitle: (files: number) => `Remove ${count(files, 'file', 'files')} from this device?`,
      ask: (bytes: number, unsaved: number) =>
        `${size(bytes)} become free. ${unsaved === 0 ? '' : `${count(unsaved, 'of them was', 'of them were')} never saved or opened. `}The conversation still shows them, and they can be fetched again only while whoever sent them still has them.`,
      confirm: 'Remove',
      cleared: (bytes: number) => `${size(bytes)} are free again`,
      limit: 'Keep at most this much of received files',
      unit: 'GB',
      rule: 'When received files take more, those that you saved or opened are removed, the one for which that is longest ago first. A file on its way is never removed by this, nor one that you have neither saved nor opened.',
      wrong: (least: number) => `Enter a number of at least ${number.format(least)}, or nothing.`,
      over: (bytes: number) =>
        `${size(bytes)} more than your limit are files that you have neither saved nor opened. They stay: save them, or remove them yourself.`,
      lost: (files: number) =>
        `${count(files, 'received file was', 'received files were')} removed by this browser. Their cards say so, and they can be fetched again while whoever sent them has them.`,
    },
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
    remove: 'Delete my data on this device…',
    account: 'Account',
    deleteHint: 'Takes you off the server for good, on all your devices. It cannot be undone.',
    deleteAccount: 'Delete my account…',
  },

  /** Before everything goes: what is lost, one line each. */
  leave: {
    device: {
      title: 'Delete your data on this device?',
      lost: (_handle: string): string[] => [
        'Your keys, your messages and the files that are kept here are deleted from this browser. What is only here is lost for good.',
        'You are logged out. Your account stays, and so does what is on your other devices and with the people you talked to.',
        'To come back to this browser you need your password, and another device of yours or the recovery code.',
      ],
      confirm: 'Delete my data on this device',
    },
    account: {
      title: 'Delete your account?',
      lost: (handle: string): string[] => [
        'Your account, your devices and your contact list are deleted from the server now, and all your devices are cut off.',
        'Your keys, your messages and the files that are kept here are deleted from this browser. Other devices of yours keep what they have until you delete it there.',
        'People you talked to keep what you sent them. They see that your account is gone.',
        `Nobody can have the username @${handle} again. Neither can you.`,
        'This cannot be undone.',
      ],
      confirm: 'Delete my account',
    },
    password: 'Password',
  },
  erased: {
    title: ({ account }: { account: boolean }) => (account ? 'Your account is deleted' : 'Your data here is deleted'),
    body: ({ account, incomplete, stillKnown }: { account: boolean; incomplete: boolean; stillKnown: boolean }) =>
      [
        ...(account ? ['The server keeps nothing of you but that your username is taken.'] : []),
        ...(incomplete ? [] : ['Your keys, messages and files are gone from this browser.']),
        ...(incomplete
          ? [
              'Some of what is in this browser could not be deleted. Close the other tabs of Causeway, then clear the data of this site in the settings of your browser.',
            ]
          : []),
        ...(stillKnown
          ? [
              'The server did not answer, so it still takes this browser for logged in. Nobody can read anything with that; clearing the cookies of this site ends it.',
            ]
          : []),
      ].join(' '),
    again: 'Begin anew',
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
      if (problem) return text.file.wrongFolder[problem.kind](problem.name);
      if (status.wrongFile) return text.file.wrongFile[status.wrongFile](file.name);
      return file.bundle?.folders ? 'To go on, choose the folder again' : 'To go on, choose the file again';
    case 'shared':
      if (status.sendingTo > 0) return `Sending. ${haveIt(status.have, status.of)}`;
      return haveIt(status.have, status.of);
    case 'offered':
      return status.nobody ? 'Nobody who is online has it now' : 'Not downloaded';
    case 'done':
      return file.mine ? 'Sent' : 'Received';
    case 'gone':
      return text.file.gone[status.reason];
    case 'declined':
      return 'Declined';
    case 'cancelled':
      return status.byMe || person.group ? 'Cancelled' : `Cancelled by ${name}`;
    case 'failed':
      if (status.reason === 'changed' && problem) return text.file.spoiled(problem);
      if (status.reason === 'changed' && file.bundle && !file.mine) return text.file.incomplete;
      return fileFailures[status.reason](file);
  }
}
