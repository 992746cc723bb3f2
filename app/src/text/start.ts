/** Before somebody is logged in, and what holds for the whole page. */
import type { Connection } from '../state/view.ts';

export const start = {
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
};
