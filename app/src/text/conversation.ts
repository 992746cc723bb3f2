/** A conversation and what can be done in it. */
import { duration } from '../format.ts';
import type { FileCard } from '../state/views/files.ts';
import type { Delivery, MessageItem } from '../state/views/messages.ts';
import { people } from './people.ts';
import { number, count, withHandle } from './words.ts';

function theseFiles(files: readonly FileCard[]): string {
  const [first] = files;
  if (files.length !== 1 || !first) return `these ${count(files.length, 'file', 'files')}`;
  if (first.bundle)
    return first.bundle.folders > 0 ? 'this folder' : `these ${count(first.bundle.files, 'file', 'files')}`;
  return first.media?.voice ? 'this voice message' : 'this file';
}

export const conversation = {
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
    stillToCome: (entries: number) => `About ${number.format(entries)} to go.`,
    search: 'Search in this conversation',
    unreadDivider: 'Unread',
    emptyTitle: (name: string) => `This is the beginning with ${name}`,
    emptyBody: 'Write something, or drop a file of any size here.',
    emptyOutgoing: (name: string) => `What you send now reaches ${name} as soon as your request is accepted.`,
    outgoing: (name: string) => `${name} has not accepted your request yet. What you send waits until then.`,
    incoming: (name: string) => `${name} wants to talk to you.`,
    unusable: (name: string) => `${name}’s device sends what this version cannot use. It is tried again every minute.`,
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
    deleteTitle: (item: MessageItem) =>
      `Delete ${item.kind === 'files' ? theseFiles(item.files) : 'this message'} for everybody?`,
    deleteBody: (item: MessageItem) =>
      item.kind === 'files'
        ? 'Nobody can fetch it any more. What Causeway keeps of it is removed here, and from the devices of the others as soon as they hear of it. Whoever saved a copy still has it, and what you sent it from is not touched. This cannot be undone.'
        : 'It is removed here and from the devices of the others as soon as they hear of it. Whoever kept a copy still has it. This cannot be undone.',
    reaction: (emoji: string, names: string[]) => `${emoji} ${names.join(', ')}`,
    quoteGone: 'A message that is not here any more',
    quote: (author: string) => `Go to the message of ${author} that this one answers`,
    replyingTo: (author: string) => `Reply to ${author}`,
    namesake: withHandle,
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
      'What is written from then on disappears after this time: for whoever wrote it after it was sent, for everybody else after they saw it.',
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
    /** Of one that left the conversation while it was looked at. */
    picture: 'Picture',
    missing: 'This picture is not on this device, or cannot be shown.',
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
      groupTitle: (name: string) => `Conversation in ${name || people.groups.unnamed}`,
      exported: (when: string, messages: number) => `Exported ${when}. ${count(messages, 'message', 'messages')}.`,
      proof:
        'This page can be changed by anybody who has it. The signatures of what was written are in conversation.json beside it.',
      deleted: 'Deleted message',
      edited: 'edited',
      notHere: 'A message that is not here',
      fileNotHere: 'not in this export',
    },
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
};
