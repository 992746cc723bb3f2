/** Whether this browser can run Causeway, and what it is. */

/** @returns the name of the first thing that is missing, in words for a person; undefined when all is there. */
export async function missingFeature(): Promise<string | undefined> {
  if (typeof RTCPeerConnection === 'undefined') return 'WebRTC';
  if (typeof navigator.locks === 'undefined') return 'Web Locks';
  if (!('storage' in navigator) || !('getDirectory' in navigator.storage)) return 'private file storage';
  try {
    await navigator.storage.getDirectory();
  } catch {
    return 'private file storage (is this a private window?)';
  }
  try {
    await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify']);
    await crypto.subtle.generateKey('X25519', false, ['deriveBits']);
  } catch {
    return 'modern cryptography (Ed25519 and X25519)';
  }
  return undefined;
}

const browsers = [
  [/\bEdg\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bFirefox\//, 'Firefox'],
  [/Chrome\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
] as const;
const systems = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b/, 'Mac'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
] as const;

/** A name by which a person recognises this device in a list. */
export function deviceName(userAgent: string = navigator.userAgent): string {
  const find = (table: readonly (readonly [RegExp, string])[]) =>
    table.find(([pattern]) => pattern.test(userAgent))?.[1];
  return [find(browsers) ?? 'Browser', find(systems)].filter(Boolean).join(' on ');
}
