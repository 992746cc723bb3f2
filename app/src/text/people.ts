/** The list of people, groups, requests, people nearby. */
import type { MessageItem } from '../state/views/messages.ts';
import { number, count, selfName } from './words.ts';

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

export const people = {
  groups: {
    create: 'New group',
    name: 'Group name',
    namePlaceholder: 'For example: Saturday choir',
    picture: 'Picture',
    noPicture: 'Remove the picture',
    withoutPicture: 'Without this picture',
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
    begins: (code: string) => `Code ${code}…`,
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
    handOverTitle: (name: string) => `Hand the group over to ${name}?`,
    handOverBody: 'They become its owner, and you stay an admin. Only they can hand it back.',
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
    uses: 'For how many people',
    anyNumber: 'Any number',
    usesWrong: (most: number) => `Enter a whole number from 1 to ${number.format(most)}, or nothing for any number.`,
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
        ? `used ${count(used, 'time', 'times')}`
        : `used ${number.format(used)} of ${count(uses, 'time', 'times')}`,
    needsApproval: 'an admin lets people in',
    until: 'valid until',
    addContact: 'Invite a contact',
    addGo: 'Invite',
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
    said: (author: string, said: string) => `${author}: ${said}`,
    self: selfName,
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
};
