/** People who are no contacts yet: requests, offers, refusals. */
import { expect, sha256, test } from './support/test.ts';

const KiB = 1024;

test('a request is accepted, and both see each other online', async ({ join }) => {
  const [alice, bob] = await Promise.all([join({ handle: 'alice', displayName: 'Alice' }), join({ handle: 'bob' })]);
  await alice.shareWith('Bob');
  await expect(alice.row('bob')).not.toHaveAccessibleName(/online/);
  await expect(bob.page.getByRole('region', { name: 'Requests' })).toContainText('Alice');
  await bob.acceptRequest();
  await expect(alice.row('bob')).toHaveAccessibleName(/online/, { timeout: 2_000 });
  await expect(bob.row('Alice')).toHaveAccessibleName(/online/, { timeout: 2_000 });
});

test('a declined request does not tell the other, and shows no presence', async ({ join }) => {
  const [alice, bob] = await Promise.all([join({ handle: 'alice', displayName: 'Alice' }), join({ handle: 'bob' })]);
  await alice.shareWith('bob');
  await bob.page.getByRole('region', { name: 'Requests' }).getByRole('button', { name: 'Decline' }).click();
  await expect(bob.page.getByRole('region', { name: 'Requests' })).toBeHidden();
  await expect(alice.row('bob')).not.toHaveAccessibleName(/online/);
});

test('accepting the file of a stranger accepts the person', async ({ join, file }) => {
  const [alice, bob] = await Promise.all([join({ handle: 'alice', displayName: 'Alice' }), join({ handle: 'bob' })]);
  const path = await file('hello.bin', 700 * KiB);
  await alice.shareWith('bob');
  await alice.attach(path);
  await expect(bob.offer).toContainText('hello.bin');
  await expect(bob.offer).toContainText('Alice');
  await bob.offer.getByRole('button', { name: 'Accept' }).click();
  await expect(bob.status('hello.bin')).toHaveText(/^Received/);
  await expect(alice.status('hello.bin')).toHaveText(/^Sent/);
  await expect(bob.row('Alice')).toHaveAccessibleName(/online/);
  await expect(bob.page.getByRole('region', { name: 'Requests' })).toBeHidden();
  expect(await sha256((await bob.save('hello.bin')).path)).toBe(await sha256(path));
});

test('declining the file of a stranger is seen by the sender', async ({ join, file }) => {
  const [alice, bob] = await Promise.all([join({ handle: 'alice', displayName: 'Alice' }), join({ handle: 'bob' })]);
  await alice.shareWith('bob');
  await alice.attach(await file('no.bin', 10 * KiB));
  await bob.offer.getByRole('button', { name: 'Decline' }).click();
  await expect(alice.status('no.bin')).toHaveText(/^Declined/);
});

test('the offer of a stranger waits for somebody who is offline, and what was written meanwhile follows it', async ({
  join,
  file,
}) => {
  const [alice, bob] = await Promise.all([join({ handle: 'alice', displayName: 'Alice' }), join({ handle: 'bob' })]);
  await bob.context.close();
  await alice.shareWith('bob');
  await alice.say('are you there?');
  await alice.attach(await file('later.bin', 10 * KiB));
  await expect(alice.status('later.bin')).toHaveText(/^Waiting for bob/);
  await bob.launch();
  await bob.offer.getByRole('button', { name: 'Accept' }).click();
  await expect(bob.status('later.bin')).toHaveText(/^Received/);
  await expect(bob.messages).toContainText('are you there?');
});

test('somebody who is blocked reaches nothing', async ({ join, file }) => {
  const [alice, bob] = await Promise.all([join({ handle: 'alice', displayName: 'Alice' }), join({ handle: 'bob' })]);
  await alice.shareWith('bob');
  await bob.page.getByRole('region', { name: 'Requests' }).getByRole('button', { name: 'Block' }).click();
  await expect(bob.page.getByRole('region', { name: 'Requests' })).toBeHidden();
  await alice.attach(await file('spam.bin', 10 * KiB));
  await alice.say('hello?');
  // What must not happen is given the time in which it would: an offer of a stranger takes well under a second.
  await expect(alice.status('spam.bin')).toHaveText(/^Waiting for bob/);
  await bob.page.reload();
  await bob.ready();
  // A third person's offer takes the same way, later: when it is there, Alice's would be too.
  const carol = await join({ handle: 'carol' });
  await carol.shareWith('bob');
  await carol.attach(await file('fine.bin', 10 * KiB));
  await expect(bob.offer).toContainText('fine.bin');
  await expect(bob.offer).not.toContainText('1 of 2');
  await expect(bob.page.getByText('hello?')).toBeHidden();
});
