/** Settings, devices, and leaving. */
import { size } from '../format.ts';
import { number, count } from './words.ts';

export const settings = {
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
      sent: 'copy of a file that you sent',
      sending: 'copy of a file that you are sending',
      onItsWay: 'on its way',
      unsaved: 'never saved or opened',
      more: (files: number) => `and ${count(files, 'smaller one', 'smaller ones')}`,
      askTitle: (files: number) => `Remove ${count(files, 'file', 'files')} from this device?`,
      ask: (bytes: number, unsaved: number) =>
        `${size(bytes)} become free. ${unsaved === 0 ? '' : `${count(unsaved, 'of them was', 'of them were')} never saved or opened. `}The conversation still shows them, and what you received can be fetched again only while whoever sent it still has it.`,
      confirm: 'Remove',
      cleared: (bytes: number) => `${size(bytes)} are free again`,
      limit: 'Keep at most this much of received files',
      unit: 'GB',
      rule: 'When received files take more, together with copies of files that you sent, the sent ones and those that you saved or opened are removed, the one for which that is longest ago first. A file on its way is never removed by this, nor one that you have neither saved nor opened.',
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
