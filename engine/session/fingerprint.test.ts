import { describe, expect, test } from 'vitest';
import { ProtocolError } from '../../protocol/errors.ts';
import { fingerprintOf } from './fingerprint.ts';

const hex = 'AB'.repeat(32);
const value = (byte = 'AB') => Array.from({ length: 32 }, () => byte).join(':');
const sdp = (...lines: string[]) =>
  ['v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', ...lines, 'm=application 9 UDP/DTLS/SCTP webrtc-datachannel', ''].join(
    '\r\n',
  );

describe('the fingerprint of a description', () => {
  test.each([
    ['of the session', sdp(`a=fingerprint:sha-256 ${value()}`)],
    ['in capitals', sdp(`a=fingerprint:SHA-256 ${value()}`)],
    ['in small letters', sdp(`a=fingerprint:sha-256 ${value('ab')}`)],
    ['said twice', sdp(`a=fingerprint:sha-256 ${value()}`, `a=fingerprint:sha-256 ${value('ab')}`)],
    ['with bare line feeds', sdp(`a=fingerprint:sha-256 ${value()}`).replaceAll('\r\n', '\n')],
  ])('%s', (_, text) => expect(fingerprintOf(text)).toBe(hex.toLowerCase()));

  test.each([
    ['none', sdp()],
    ['empty', ''],
    ['another hash', sdp(`a=fingerprint:sha-1 ${value()}`)],
    ['another hash beside it', sdp(`a=fingerprint:sha-256 ${value()}`, `a=fingerprint:sha-512 ${value()}`)],
    ['two of them', sdp(`a=fingerprint:sha-256 ${value()}`, `a=fingerprint:sha-256 ${value('CD')}`)],
    [
      'a second one behind a lone carriage return',
      sdp(`a=fingerprint:sha-256 ${value()}`, `a=x\ra=fingerprint:sha-256 ${value('CD')}`),
    ],
    ['a second one in capitals', sdp(`a=fingerprint:sha-256 ${value()}`, `A=FINGERPRINT:sha-256 ${value('CD')}`)],
    ['too short', sdp(`a=fingerprint:sha-256 ${value().slice(3)}`)],
    ['too long', sdp(`a=fingerprint:sha-256 ${value()}:AB`)],
    ['not hexadecimal', sdp(`a=fingerprint:sha-256 ${value('GG')}`)],
    ['no value', sdp('a=fingerprint:sha-256')],
    ['two spaces', sdp(`a=fingerprint:sha-256  ${value()}`)],
    ['a tab', sdp(`a=fingerprint:sha-256\t${value()}`)],
  ])('is refused: %s', (_, text) => expect(() => fingerprintOf(text)).toThrow(ProtocolError));
});
