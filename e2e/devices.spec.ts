/** Several devices of one account, each a browser profile of its own: approved by the first, history and contacts across, revoked. */
import type { Person } from './support/person.ts';
import { expect, test } from './support/test.ts';

const code = (person: Person) => person.page.getByLabel('Comparing code');
const dialog = (person: Person) => person.page.getByRole('alertdialog', { name: /new device/i });

/** Chooses from the options of a row in the list of people. */
async function option(person: Person, name: string, action: string): Promise<void> {
  await person.row(name).hover();
  await person.page.getByRole('button', { name: `Options for ${name}` }).click();
  await person.page.getByRole('menuitem', { name: action, exact: true }).click();
}

async function settings(person: Person): Promise<void> {
  await person.page.getByRole('button', { name: 'Settings' }).first().click();
}

/** Logs in on a new browser and asks the first device; both show the code. */
async function ask(second: Person, first: Person): Promise<void> {
  await second.logIn();
  await second.page.getByRole('button', { name: /^Ask / }).click();
  await expect(code(second)).toHaveText(/^\d{4} \d{4}$/);
  await expect(dialog(first)).toBeVisible();
  expect(await code(first).textContent()).toBe(await code(second).textContent());
}

test('a second device is approved by the first with equal codes, gets history and contacts, and is revoked', async ({
  pair,
  visit,
}) => {
  const [alice, bob] = await pair();
  for (let index = 0; index < 5; index++) await alice.say(`before ${index}`);
  await expect(bob.messages).toContainText('before 4');
  await bob.say('answer');
  await expect(alice.messages).toContainText('answer');
  await option(alice, 'Bob', 'Mute');
  // Whoever wrote is not needed: the history comes from the other device.
  await bob.context.close();

  const second = await visit({ handle: 'alice', displayName: 'Alice' });
  await ask(second, alice);
  await dialog(alice).getByRole('button', { name: 'Approve' }).click();
  await second.ready();
  await expect(dialog(alice)).toBeHidden();
  await second.row('Bob').click();
  await expect(second.messages).toContainText('before 0');
  await expect(second.messages).toContainText('answer');

  await bob.launch();
  await bob.ready();
  await bob.row('Alice').click();
  await expect(bob.messages).toContainText(/Alice added a device/);
  await bob.say('to both');
  await expect(second.messages).toContainText('to both');
  await expect(alice.messages).toContainText('to both');
  await second.say('from the second');
  await expect(bob.messages).toContainText('from the second');
  await expect(alice.messages).toContainText('from the second');

  await settings(alice);
  const devices = alice.page.getByRole('list', { name: 'Devices' });
  await expect(devices.getByRole('listitem')).toHaveCount(2);
  await expect(devices.getByRole('listitem').first()).toContainText('this device');
  await devices
    .getByRole('button', { name: /^Rename / })
    .last()
    .click();
  await alice.page.getByLabel('Device name', { exact: true }).fill('Kitchen tablet');
  await alice.page.getByRole('button', { name: 'Save name' }).click();
  await expect(devices).toContainText('Kitchen tablet');
  await devices.getByRole('button', { name: 'Remove Kitchen tablet' }).click();
  await alice.page.getByRole('button', { name: 'Remove device' }).click();
  await expect(devices.getByRole('listitem')).toHaveCount(1);
  await expect(second.page.getByRole('alert')).toContainText(/removed from your account/);
  await second.page.reload();
  await expect(second.page.getByRole('button', { name: 'Log in' })).toBeVisible();
});

test('refused, and asked in vain, a browser stays outside; a reload stays there too', async ({ join, visit }) => {
  const alice = await join({ handle: 'alice', displayName: 'Alice' });
  const second = await visit({ handle: 'alice', displayName: 'Alice' });
  await ask(second, alice);
  await dialog(alice).getByRole('button', { name: 'Refuse' }).click();
  await expect(second.page.getByRole('alert')).toContainText(/refused/);
  await second.page.getByRole('button', { name: 'Back' }).click();
  await second.page.reload();
  const again = second.page.getByRole('button', { name: /^Ask / });
  await expect(again).toBeVisible();
  await alice.context.close();
  await expect(async () => {
    await again.click();
    await expect(second.page.getByRole('alert')).toContainText(/not online/, { timeout: 1500 });
  }).toPass();
  await second.page.getByRole('button', { name: 'Back' }).click();
  await second.page.getByLabel(/Recovery code/i).fill(alice.recoveryCode);
  await second.page.getByRole('button', { name: 'Use this code' }).click();
  await second.ready();
});

test('what is read on one device is read on the other, and files go between them without asking', async ({
  pair,
  visit,
  file,
}) => {
  const [alice, bob] = await pair();
  const second = await visit({ handle: 'alice', displayName: 'Alice' });
  await ask(second, alice);
  await dialog(alice).getByRole('button', { name: 'Approve' }).click();
  await second.ready();
  await alice.page.reload();
  await alice.ready();
  await bob.say('hello to both');
  await expect(alice.row('Bob')).toContainText('1 unread');
  await expect(second.row('Bob')).toContainText('1 unread');
  await second.row('Bob').click();
  await expect(second.messages).toContainText('hello to both');
  await expect(alice.row('Bob')).not.toContainText('unread', { timeout: 15_000 });

  await alice.row('My devices').click();
  await alice.say('note to self');
  await alice.attach(await file('between.bin', 3_000_000));
  await second.row('My devices').click();
  await expect(second.messages).toContainText('note to self');
  await expect(second.status('between.bin')).toHaveText(/^Received/);
  await expect(alice.status('between.bin')).toHaveText(/^Sent/);
  await expect(second.offer).toBeHidden();
});
