/** Registration, login, recovery, and the sentences that a person gets when something is wrong. */
import { expect, test } from './support/test.ts';

test('a taken name, a lookalike, a weak and a wrong password, and a dead server each get a sentence', async ({
  server,
  visit,
  join,
}) => {
  await join({ handle: 'anna.lee' });
  const { page } = await visit({ handle: 'x' });
  const submit = page.getByRole('button', { name: 'Create account' });
  await submit.click();
  const username = page.getByLabel('Username', { exact: true });
  const password = page.getByLabel('Password', { exact: true });
  for (const [name, word, sentence] of [
    ['Anna.Lee', 'correct horse battery', /taken/i],
    ['annal33', 'short', /8/],
    ['anna1ee', 'correct horse battery', /taken/i],
    ['no spaces', 'correct horse battery', /letters|characters|a-z/i],
  ] as const) {
    await username.fill(name);
    await password.fill(word);
    await submit.click();
    await expect(page.getByText(sentence).first()).toBeVisible();
  }
  await page.reload();
  await page.getByRole('button', { name: 'Log in' }).click();
  await username.fill('anna.lee');
  await password.fill('not the password');
  await page.getByRole('button', { name: 'Log in' }).click();
  await expect(page.getByRole('alert')).toContainText(/wrong/i);
  await server.kill();
  await page.getByRole('button', { name: 'Log in' }).click();
  await expect(page.getByRole('alert')).toContainText(/server/i);
});

test('one stays logged in over restarts of app and server, and logs out and in again without a recovery code', async ({
  server,
  join,
}) => {
  const alice = await join({ handle: 'alice', displayName: 'Alice' });
  await alice.page.reload();
  await alice.ready();
  await server.kill();
  await server.up();
  await alice.context.close();
  await alice.launch();
  await alice.ready();
  await alice.page
    .getByRole('link', { name: 'Settings' })
    .or(alice.page.getByRole('button', { name: 'Settings' }))
    .first()
    .click();
  await alice.page.getByRole('button', { name: 'Log out' }).click();
  await alice.logIn();
  await alice.ready();
});

test('the recovery code makes a second browser a device, which sees what is said from then on and before', async ({
  pair,
  visit,
}) => {
  const [alice, bob] = await pair();
  await alice.say('before');
  await expect(bob.messages).toContainText('before');
  const second = await visit({ handle: 'alice', displayName: 'Alice' });
  await second.logIn();
  await second.page.getByLabel(/Recovery code/i).fill('AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AAAA');
  await second.page.getByRole('button', { name: 'Use this code' }).click();
  await expect(second.page.getByRole('alert')).toBeVisible();
  await second.page.reload();
  await second.page.getByLabel(/Recovery code/i).fill(alice.recoveryCode.toLowerCase());
  await second.page.getByRole('button', { name: 'Use this code' }).click();
  await second.ready();
  await second.row('Bob').click();
  await expect(second.messages).toContainText('before');
  await bob.say('to both');
  await expect(second.messages).toContainText('to both');
  await expect(alice.messages).toContainText('to both');
});

test('without the recovery code new keys are made, contacts are told loudly, and both can go on', async ({
  pair,
  visit,
}) => {
  const [alice, bob] = await pair();
  await alice.say('under the old keys');
  await expect(bob.messages).toContainText('under the old keys');
  await alice.context.close();
  const fresh = await visit({ handle: 'alice', displayName: 'Alice' });
  await fresh.logIn();
  await fresh.page.getByRole('button', { name: /without/i }).click();
  await fresh.page.getByLabel('Password', { exact: true }).fill(fresh.password);
  await fresh.page
    .getByRole('button', { name: /new keys|start over|continue/i })
    .last()
    .click();
  await fresh.page.getByRole('button', { name: 'I saved it' }).click();
  await fresh.ready();
  await expect(bob.page.getByText(/keys.*changed|new keys/i).first()).toBeVisible();
  await expect(bob.messages).toContainText('under the old keys');
  await fresh.row('Bob').click();
  await fresh.say('it is me');
  await expect(bob.messages).toContainText('it is me');
  await bob.say('I hope so');
  await expect(fresh.messages).toContainText('I hope so');
});
