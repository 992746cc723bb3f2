/**
 * Security headers of every answer. The policy allows the app's own files and its own server and nothing else: no inline script or style,
 * no other origin, Trusted Types for whatever could become script.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Settings } from '../settings.ts';

/** Trusted Types policies: Svelte's templates, and the app's own for the addresses of its workers and service worker. */
const trustedTypes = 'svelte-trusted-html causeway';

export function createSecurityHeaders(
  settings: Settings,
): (request: IncomingMessage, response: ServerResponse) => void {
  const https = settings.PUBLIC_URL?.startsWith('https:') ?? false;
  const publicHost = settings.PUBLIC_URL === undefined ? undefined : new URL(settings.PUBLIC_URL).host;
  return (request, response) => {
    const host = publicHost ?? request.headers.host ?? '';
    // Older Safari does not count WebSockets as 'self'.
    const sockets = /^[A-Za-z0-9.:[\]-]{1,255}$/.test(host) ? ` ${https ? '' : `ws://${host} `}wss://${host}` : '';
    const policy = [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self' blob: data:",
      "font-src 'self'",
      `connect-src 'self'${sockets}`,
      "worker-src 'self'",
      "manifest-src 'self'",
      'media-src blob:',
      "base-uri 'none'",
      "form-action 'self'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      `trusted-types ${trustedTypes}`,
      ...(https ? ['upgrade-insecure-requests'] : []),
    ];
    response.setHeader('Content-Security-Policy', policy.join('; '));
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('X-Frame-Options', 'DENY');
    response.setHeader('Referrer-Policy', 'no-referrer');
    response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
    response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
    // The microphone is for voice messages; the browser still asks the person.
    response.setHeader(
      'Permissions-Policy',
      'accelerometer=(), browsing-topics=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(self), midi=(), payment=(), usb=()',
    );
    if (https) response.setHeader('Strict-Transport-Security', 'max-age=31536000; includeSubDomains');
  };
}
