/** What a page, a stranger or a name could do to somebody, tried on the running app. */
import { request as httpRequest } from 'node:http';
import type { Page } from '@playwright/test';
import { expect, test } from './support/test.ts';

declare global {
  interface Window {
    hacked?: boolean;
    violations?: string[];
  }
}

const attack = '<img src=x onerror="window.hacked=true"><script>window.hacked=true</script>';

/** Counts what the policy refused, from before the app's first line on. */
async function watchPolicy(page: Page): Promise<void> {
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sourceFile }) =>
      (window.violations ??= []).push(`${violatedDirective} ${blockedURI} ${sourceFile}`),
    );
  });
  await page.reload();
}

/** Chooses files that are made within the page: names that no file system would hold. */
async function attachNamed(page: Page, names: string[]): Promise<void> {
  await page.getByLabel('Attach files').evaluate((input: HTMLInputElement, all) => {
    const data = new DataTransfer();
    for (const name of all) data.items.add(new File([`this is ${name}`], name));
    input.files = data.files;
    input.dispatchEvent(new Event('change', { bubbles: true }));
  }, names);
}

test('a strict policy, which a whole journey never breaks', async ({ server, join, file }) => {
  const answer = await fetch(server.url);
  const policy = answer.headers.get('content-security-policy') ?? '';
  const directives = new Map(
    policy.split(';').map((one) => [one.trim().split(' ')[0] ?? '', one.trim().split(' ').slice(1).join(' ')]),
  );
  expect(policy).not.toMatch(/unsafe|\*|https?:/);
  for (const [directive, value] of [
    ['default-src', "'none'"],
    ['script-src', "'self'"],
    ['style-src', "'self'"],
    ['base-uri', "'none'"],
    ['frame-ancestors', "'none'"],
    ['require-trusted-types-for', "'script'"],
  ] as const)
    expect(directives.get(directive), directive).toBe(value);
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  expect(await answer.text()).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/i);

  const [alice, bob] = await Promise.all([join({ handle: 'alice' }), join({ handle: 'bob' })]);
  await Promise.all([watchPolicy(alice.page), watchPolicy(bob.page)]);
  await alice.shareWith('bob');
  await bob.acceptRequest();
  await alice.say('hello');
  await alice.attach(await file('a.bin', 300_000));
  await bob.offer.getByRole('button', { name: 'Accept' }).click();
  await expect(bob.status('a.bin')).toHaveText('Received');
  await bob.save('a.bin');
  await bob.page.getByRole('button', { name: 'Settings' }).click();
  await bob.page.getByText('Dark', { exact: true }).click();
  await bob.page.getByRole('button', { name: 'Delete my data on this device…' }).click();
  await bob.page.getByRole('alertdialog').getByRole('button', { name: 'Cancel' }).click();
  for (const { page, problems } of [alice, bob]) {
    expect(await page.evaluate(() => window.violations ?? [])).toEqual([]);
    expect(problems.filter((problem) => /policy|trusted/i.test(problem))).toEqual([]);
  }
  // The policy is not only sent: what it forbids fails.
  const tried = await alice.page.evaluate((html) => {
    const outcomes: string[] = [];
    const script = document.createElement('script');
    for (const attempt of [
      () => void (document.body.innerHTML += html),
      () => void (script.text = 'window.hacked = true'),
    ])
      try {
        attempt();
        outcomes.push('went through');
      } catch (problem) {
        outcomes.push((problem as Error).name);
      }
    return outcomes;
  }, attack);
  expect(tried).not.toContain('went through');
  expect(await alice.page.evaluate(() => window.hacked)).toBeUndefined();
});

test('markup in a message, a name or a file name is text', async ({ join }) => {
  const displayName = '<b onclick=alert(1)>Mallory</b>';
  const [mallory, bob] = await Promise.all([
    join({ handle: 'mallory', displayName }),
    join({ handle: 'bob', displayName: 'Bob' }),
  ]);
  await mallory.shareWith('bob');
  await expect(bob.page.getByRole('region', { name: 'Requests' })).toContainText(displayName);
  await bob.acceptRequest();
  await mallory.say(attack);
  await expect(bob.messages.getByText(attack, { exact: true })).toBeVisible();
  await expect(bob.page.getByRole('heading', { name: displayName }).first()).toBeVisible();
  await attachNamed(mallory.page, [`${attack}.html`]);
  await expect(bob.offer).toContainText('.html');
  await bob.offer.getByRole('button', { name: 'Accept' }).click();
  await expect(bob.messages.getByText('Received')).toBeVisible();
  for (const { page } of [mallory, bob]) {
    expect(await page.evaluate(() => window.hacked)).toBeUndefined();
    await expect(page.locator('img[src="x"], b, script:not([src])')).toHaveCount(0);
  }
});

test('hostile file names are shown harmless and saved harmless', async ({ pair }) => {
  const [mallory, bob] = await pair();
  const long = 'n'.repeat(300);
  const names = [
    { sent: 'invoice\u202Efdp.exe', shown: 'invoicefdp.exe' },
    { sent: '../../etc/passwd', shown: '.._.._etc_passwd' },
    { sent: '..\\..\\evil.bat', shown: '.._.._evil.bat' },
    { sent: 'CON.txt', shown: '_CON.txt' },
    { sent: 'a\u200Bb\u0000c\u001B[31m.txt', shown: 'abc[31m.txt' },
    { sent: `${long}.txt`, shown: `${'n'.repeat(251)}.txt` },
    { sent: 'trailing.txt. . ', shown: 'trailing.txt' },
  ];
  await attachNamed(
    mallory.page,
    names.map(({ sent }) => sent),
  );
  for (const { shown } of names) await expect(bob.offer.getByTitle(shown, { exact: true })).toHaveText(shown);
  expect(await bob.page.locator('body').innerText()).not.toMatch(/[\u202a-\u202e\u2066-\u2069\u200b]/);
  await bob.offer.getByRole('button', { name: 'Accept' }).click();
  for (const { sent, shown } of names) {
    await expect(bob.status(shown)).toHaveText('Received');
    const { name } = await bob.save(shown);
    // The browser makes a leading dot an underscore; nothing else is left for it to change.
    expect(name.replace(/^[._]+/, ''), sent).toBe(shown.replace(/^[._]+/, ''));
    expect(name, sent).not.toMatch(/[/\\\p{Cc}\p{Cf}]|^\.|^con\./iu);
    expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
  }
});

test('another page’s origin gets nowhere, and the session is out of reach of scripts', async ({ server, join }) => {
  const alice = await join({ handle: 'alice', displayName: 'Alice' });
  const credentials = JSON.stringify({ handle: alice.handle, password: alice.password });
  const logIn = async (origin?: string) => {
    const answer = await fetch(`${server.url}/api/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(origin === undefined ? {} : { origin }) },
      body: credentials,
    });
    return {
      cookie: answer.headers.get('set-cookie'),
      body: (await answer.json()) as { ok: boolean; error?: { code: string } },
    };
  };
  for (const origin of ['https://evil.example', 'null', `${server.url}.evil.example`, undefined]) {
    const { cookie, body } = await logIn(origin);
    expect(body, String(origin)).toMatchObject({ ok: false, error: { code: 'not-allowed' } });
    expect(cookie).toBeNull();
  }
  const { cookie, body } = await logIn(server.url);
  expect(body.ok).toBe(true);
  expect(cookie).toMatch(/;\s*HttpOnly/i);
  expect(cookie).toMatch(/;\s*SameSite=(Strict|Lax)/i);

  const session = (await alice.context.cookies()).map(({ name, value }) => `${name}=${value}`).join('; ');
  expect(session).not.toBe('');
  const handshake = (origin: string | undefined, transport: 'websocket' | 'polling') =>
    new Promise<number>((resolve, reject) => {
      const asked = httpRequest(`${server.url}/socket.io/?EIO=4&transport=${transport}`, {
        headers: {
          cookie: session,
          ...(origin === undefined ? {} : { origin }),
          ...(transport === 'polling'
            ? {}
            : {
                connection: 'Upgrade',
                upgrade: 'websocket',
                'sec-websocket-version': '13',
                'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
              }),
        },
      });
      asked.on('response', (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      });
      asked.on('upgrade', (answer, socket) => {
        socket.destroy();
        resolve(answer.statusCode ?? 0);
      });
      asked.on('error', reject);
      asked.end();
    });
  for (const transport of ['websocket', 'polling'] as const)
    for (const origin of ['https://evil.example', 'null', undefined])
      expect(await handshake(origin, transport), `${transport} from ${String(origin)}`).toBeGreaterThanOrEqual(400);
  expect(await handshake(server.url, 'websocket')).toBe(101);

  const readable = await alice.page.evaluate(() => ({
    cookies: document.cookie,
    local: Object.keys(localStorage).sort(),
    session: Object.keys(sessionStorage),
  }));
  expect(readable).toEqual({ cookies: '', local: ['causeway.account', 'causeway.theme'], session: [] });
});
