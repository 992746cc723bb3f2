/** Which part of the app does what a person asks for. */
import type { Accounts } from './accounts.ts';
import type { Actions } from './actions.ts';
import type { App } from './app.svelte.ts';
import { lazyArchives } from './lazy-archives.ts';
import { lazyBundles } from './lazy-bundles.ts';

/** Parts of what runs are looked up when they are asked: they change with the account. */
export function actionsOf(app: App, accounts: Accounts): Actions {
  const self = () => app.running.self;
  const contacts = () => app.running.contacts;
  const files = () => app.running.files;
  return {
    register: (form) => accounts.register(form),
    login: (form) => accounts.login(form),
    recover: (code) => accounts.recover(code),
    askApproval: (device) => accounts.askApproval(device),
    cancelApproval: () => accounts.cancelApproval(),
    startOver: (password) => accounts.startOver(password),
    recoveryCodeSaved: () => accounts.recoveryCodeSaved(),
    logout: (options) => accounts.logout(options),
    deleteAccount: (password) => accounts.deleteAccount(password),
    useHere: () => app.useHere(),

    approveDevice: async (guest) => self().approveDevice(guest),
    refuseDevice: () => self().refuseDevice(),
    renameDevice: async (device, name) => self().renameDevice(device, name),
    revokeDevice: async (device) => self().revokeDevice(device),
    updateProfile: async (profile) => self().updateProfile(profile),

    shareWith: async (handle) => contacts().shareWith(handle),
    setNearby: (on) => contacts().setNearby(on),
    askNearby: async (handle) => contacts().askNearby(handle),
    answerRequest: async (account, verdict) => contacts().answerRequest(account, verdict),
    unblock: async (account) => contacts().unblock(account),
    acknowledgeKeys: (account) => contacts().acknowledgeKeys(account),
    safetyNumber: async (account) => contacts().safetyNumber(account),
    setVerified: (account, verified) => contacts().setVerified(account, verified),
    setAcceptRule: (account, rule) => contacts().setAcceptRule(account, rule),

    open: (account) => app.open(account),
    close: () => app.running.conversation.close(),
    sendText: async (...args) => app.running.messaging.sendText(...args),
    get messages() {
      return app.running.messaging;
    },
    get groups() {
      return app.running.groups;
    },
    ...lazyArchives(() => app.running),

    attach: async (...args) => files().attach(...args),
    answerOffer: async (offer, verdict) => files().answerOffer(offer, verdict),
    downloadFile: async (offer, file) => files().downloadFile(offer, file),
    removeFile: (offer, file) => files().removeFile(offer, file),
    cancelFile: (offer, file) => files().cancelFile(offer, file),
    pauseFile: (offer, file) => files().pauseFile(offer, file),
    resumeFile: (offer, file) => files().resumeFile(offer, file),
    retryFile: (offer, file) => files().retryFile(offer, file),
    reopenFile: async (...args) => files().reopenFile(...args),
    provideFiles: async (...args) => files().provideFiles(...args),
    saveFile: async (offer, file) => files().saveFile(offer, file),
    moveFile: (offer, file, move) => files().moveFile(offer, file, move),
    pauseAll: () => files().pauseAll(),
    resumeAll: () => files().resumeAll(),
    clearFinished: () => files().clearFinished(),
    keptFiles: async () => app.running.kept.keptFiles(),
    clearFiles: async (some) => app.running.kept.clearFiles(some),
    bundles: lazyBundles(async () => app.running.bundles()),
    get media() {
      return app.running.media;
    },

    watchTransfers: (watched) => app.watchTransfers(watched),
    setTransferSettings: (settings) => app.setTransferSettings(settings),
    setKeepSettings: (settings) => app.setKeepSettings(settings),
    setTheme: (theme) => app.setTheme(theme),
    persistStorage: () => app.persistStorage(),
    refreshStorage: () => app.refreshStorage(),
    applyUpdate: () => app.applyUpdate(),
  };
}
