/** What went wrong, in words. */
import { duration, size } from '../format.ts';
import type { ActionError } from '../state/view.ts';
import { needs } from './words.ts';

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
  'too-many-invitations': 'This group has as many open invitations as it can have. End one of them first.',
  'not-a-picture': 'This browser cannot show that picture. Choose another one, for example a JPEG or a PNG.',
  'no-room': 'There is not enough free space on this device.',
  'no-space-for-zip': 'There is no room for a ZIP beside the files themselves.',
  'archive-too-large': 'This file is too large to be read here.',
  'not-an-archive': 'This is not a conversation that was exported as JSON.',
  'newer-version': 'This file needs a newer version of Causeway.',
  'another-conversation': 'This file is of another conversation.',
  yourself: 'That is your own username. Enter the username of somebody else.',
};

export const errorText = (error: ActionError): string =>
  error.code === 'rate-limited' && error.retryAfterMs !== undefined
    ? `That was too many tries in a short time. Try again in ${duration(Math.ceil(error.retryAfterMs / 1000))}.`
    : error.code === 'no-space-for-zip' && error.neededBytes !== undefined && error.freeBytes !== undefined
      ? `${errors[error.code]} It needs ${size(error.neededBytes)}, and ${size(error.freeBytes)} are free. Make room, or save the files one by one.`
      : error.code === 'no-room' && error.neededBytes !== undefined && error.freeBytes !== undefined
        ? needs(error.neededBytes, error.freeBytes)
        : errors[error.code];
