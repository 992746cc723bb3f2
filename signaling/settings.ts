/**
 * Every setting of the server: name, default, rule. Read from the environment once at start and checked there; each mistake is one
 * sentence. `docs/operating.md` shows the same table, and a test keeps the two together.
 */
import * as v from 'valibot';

export interface Setting {
  readonly fallback: string;
  readonly schema: v.GenericSchema<string, unknown>;
  /** Completes "NAME must be …". */
  readonly rule: string;
  readonly about: string;
}

const setting = <Schema extends v.GenericSchema<string, unknown>>(
  fallback: string,
  schema: Schema,
  rule: string,
  about: string,
) => ({ fallback, schema, rule, about }) as const;

const whole = (min: number, max: number) =>
  v.pipe(v.string(), v.regex(/^\d{1,15}$/), v.transform(Number), v.minValue(min), v.maxValue(max));
const count = (fallback: number, about: string, max = 1_000_000) =>
  setting(String(fallback), whole(1, max), `a whole number from 1 to ${max}`, about);

const urls = (schemes: readonly string[]) =>
  v.pipe(
    v.string(),
    v.transform((text) =>
      text
        .split(',')
        .map((url) => url.trim())
        .filter((url) => url !== ''),
    ),
    v.everyItem((url) =>
      new RegExp(`^(?:${schemes.join('|')}):[A-Za-z0-9.\\-[\\]:]+(?:\\?transport=(?:udp|tcp))?$`).test(url),
    ),
  );

/** `https://host[:port]`, without path; empty when the server is only reached under its own address. */
const origin = v.pipe(
  v.string(),
  v.check(
    (text) =>
      text === '' ||
      (URL.canParse(text) &&
        /^https?:$/.test(new URL(text).protocol) &&
        new URL(text).pathname === '/' &&
        !/[?#@]/.test(text)),
  ),
  v.transform((text) => (text === '' ? undefined : new URL(text).origin)),
);

export const settingTable = {
  PORT: setting(
    '8080',
    whole(0, 65_535),
    'a whole number from 0 to 65535 (0 takes any free port)',
    'Port to listen on.',
  ),
  HOST: setting(
    '127.0.0.1',
    v.pipe(v.string(), v.regex(/^[A-Za-z0-9.:-]{1,253}$/)),
    'an address or a host name, such as 127.0.0.1 or 0.0.0.0',
    'Address to listen on.',
  ),
  DATA_DIR: setting(
    './data',
    v.pipe(v.string(), v.minLength(1), v.maxLength(4096)),
    'a path',
    'Folder of the store; made when missing.',
  ),
  PUBLIC_URL: setting(
    '',
    origin,
    'an address such as https://causeway.example, without a path',
    'Where people reach the server, when that is not the Host of the request. With https, cookies are Secure and HSTS is sent.',
  ),
  TRUST_PROXY: setting(
    '0',
    whole(0, 10),
    'a whole number from 0 to 10',
    'How many reverse proxies stand before the server and append to X-Forwarded-For. With 0 that header is ignored.',
  ),
  STUN_URLS: setting(
    '',
    urls(['stuns?']),
    'a list such as stun:turn.example:3478, separated by commas',
    'STUN servers for clients.',
  ),
  TURN_URLS: setting(
    '',
    urls(['turns?']),
    'a list such as turn:turn.example:3478?transport=udp, separated by commas',
    'TURN servers for clients that have a contact. Needs TURN_SECRET.',
  ),
  TURN_SECRET: setting(
    '',
    v.pipe(
      v.string(),
      v.check((text) => text === '' || text.length >= 16),
    ),
    'at least 16 characters long',
    "coturn's static-auth-secret (use-auth-secret).",
  ),
  TURN_TTL_SECONDS: setting(
    '21600',
    whole(60, 604_800),
    'a whole number from 60 to 604800',
    'How long TURN credentials are valid. A relayed transfer outlives them only by connecting again.',
  ),
  SESSION_DAYS: setting(
    '90',
    whole(1, 400),
    'a whole number from 1 to 400',
    'How long somebody who does not come back stays logged in.',
  ),
  LOG_LEVEL: setting(
    'info',
    v.picklist(['fatal', 'error', 'warn', 'info', 'debug', 'silent']),
    'one of fatal, error, warn, info, debug, silent',
    'Least level that is logged.',
  ),
  REGISTRATIONS_PER_MINUTE: count(20, 'New accounts from one address.'),
  LOGINS_PER_MINUTE: count(60, 'Attempts to log in from one address.'),
  LOGIN_FAILURES: count(20, 'Wrong passwords for one account from one address within 15 minutes.'),
  ACCOUNT_FAILURES: count(
    200,
    'Wrong passwords for one account from all addresses within an hour; browsers that logged in before are exempt.',
  ),
  REQUESTS_PER_MINUTE: count(600, 'HTTP API requests from one address.'),
  CONNECTIONS_PER_MINUTE: count(3000, 'New Socket.IO connections from one address.'),
  CONNECTIONS_PER_ACCOUNT: count(64, 'Socket.IO connections of one account at a time.', 10_000),
  EVENTS_PER_MINUTE: count(1200, 'Events of one account, signals and knocks apart.'),
  LOOKUPS_PER_MINUTE: count(60, 'Searches for a handle by one account.'),
  NEARBY_PER_MINUTE: count(20, 'How often one account may show itself to people nearby.'),
  SIGNALS_PER_MINUTE: count(6000, 'Sealed SDP and ICE envelopes of one account.'),
  KNOCKS_PER_MINUTE: count(300, 'Sealed file offers of one account.'),
  KNOCK_MEMORY_MIB: count(
    64,
    'Memory for file offers that wait for people who are offline; the oldest go first.',
    16_384,
  ),
  HASH_CONCURRENCY: setting(
    '2',
    whole(1, 64),
    'a whole number from 1 to 64',
    'Passwords hashed at a time; each takes 19 MiB and a processor.',
  ),
  CLIENT_DIR: setting(
    '',
    v.pipe(v.string(), v.maxLength(4096)),
    'a path',
    'Folder of the built app; found by itself when empty.',
  ),
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof settingTable;
export type Settings = { readonly [Name in SettingName]: v.InferOutput<(typeof settingTable)[Name]['schema']> };

/** @returns the settings, or a sentence for each mistake. An empty variable counts as absent. */
export function readSettings(
  env: Readonly<Record<string, string | undefined>>,
): { settings: Settings } | { mistakes: string[] } {
  const mistakes: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, { fallback, schema, rule }] of Object.entries<Setting>(settingTable)) {
    const text = env[name]?.trim();
    const parsed = v.safeParse(schema, text === undefined || text === '' ? fallback : text);
    if (parsed.success) values[name] = parsed.output;
    else
      mistakes.push(
        `${name} must be ${rule}${name === 'TURN_SECRET' ? '' : `; it is "${(text ?? '').slice(0, 200)}"`}.`,
      );
  }
  const settings = values as unknown as Settings;
  if (mistakes.length === 0 && settings.TURN_URLS.length > 0 && settings.TURN_SECRET === '')
    mistakes.push('TURN_URLS needs TURN_SECRET, the static-auth-secret of the TURN server.');
  return mistakes.length > 0 ? { mistakes } : { settings };
}
