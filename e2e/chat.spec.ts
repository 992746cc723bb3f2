/** Messages: both ways, offline, queued until both meet, and one engine per browser. */
import { expect, test } from './support/test.ts';

test('two people chat, and each sees how far a message got', async ({ pair }) => {
  const [alice, bob] = await pair();
  await alice.say('Good morning');
  await expect(bob.messages).toContainText('Good morning');
  await expect(alice.messages.getByText('delivered', { exact: false }).first()).toBeAttached();
  await bob.say('<b>not bold</b> & done');
  await expect(alice.messages).toContainText('<b>not bold</b> & done');
  for (let i = 0; i < 20; i++) await alice.say(`message ${i}`);
  await expect(bob.messages).toContainText('message 19');
  await expect(bob.messages.getByText(/^message \d+$/)).toHaveText(
    Array.from({ length: 20 }, (_, i) => `message ${i}`),
  );
});

test('history is there with the server dead and the network off, after a restart of the browser', async ({
  server,
  pair,
}) => {
  const [alice, bob] = await pair();
  await alice.say('keep this');
  await expect(bob.messages).toContainText('keep this');
  await bob.page.waitForFunction(
    () => navigator.serviceWorker.controller !== null || navigator.serviceWorker.ready.then(() => true),
  );
  await server.kill();
  await bob.context.close();
  await bob.launch();
  await bob.context.setOffline(true);
  await bob.page.reload();
  await bob.row('Alice').click();
  await expect(bob.messages).toContainText('keep this');
  await bob.say('written offline');
  await expect(bob.messages).toContainText('written offline');
  await expect(bob.messages.getByText('queued', { exact: false }).first()).toBeAttached();
  await bob.context.setOffline(false);
  await server.up();
  await expect(alice.messages).toContainText('written offline', { timeout: 40_000 });
});

test('what is said to somebody who is away is sent by itself when both meet', async ({ pair }) => {
  const [alice, bob] = await pair();
  await bob.context.close();
  await expect(alice.row('Bob')).toHaveAccessibleName(/offline/, { timeout: 2_000 });
  await alice.say('one');
  await alice.say('two');
  // Shown is kept: from here on nothing may lose it.
  await expect(alice.messages).toContainText('two');
  await alice.context.close();
  await bob.launch();
  await alice.launch();
  await bob.row('Alice').click();
  await expect(bob.messages).toContainText('two', { timeout: 40_000 });
  await expect(bob.messages).toContainText('one');
});

test('a file for somebody offline waits and is offered when both meet', async ({ pair, file }) => {
  const [alice, bob] = await pair();
  await bob.context.close();
  await expect(alice.row('Bob')).toHaveAccessibleName(/offline/);
  await alice.attach(await file('patience.bin', 1_000_000));
  await expect(alice.status('patience.bin')).toHaveText(/^Waiting for Bob/);
  await bob.launch();
  await bob.offer.getByRole('button', { name: 'Accept' }).click();
  await expect(bob.status('patience.bin')).toHaveText(/^Received/);
  await expect(alice.status('patience.bin')).toHaveText(/^Sent/);
});

test('several files go at once, by choosing, by dropping and by pasting', async ({ pair, file }) => {
  const [alice, bob] = await pair();
  await alice.attach([await file('one.bin', 300_000), await file('two.bin', 0), await file('three.bin', 5_000_000)]);
  await bob.offer.getByRole('button', { name: 'Accept' }).click();
  for (const name of ['one.bin', 'two.bin', 'three.bin']) {
    await expect(bob.status(name)).toHaveText(/^Received/);
    await expect(alice.status(name)).toHaveText(/^Sent/);
  }
  for (const kind of ['drop', 'paste'] as const) {
    await alice.page.evaluate((how) => {
      const data = new DataTransfer();
      data.items.add(new File([`by ${how}`], `by ${how}.txt`, { type: 'text/plain' }));
      const target = document.querySelector('textarea') ?? document.body;
      target.focus();
      if (how === 'drop')
        for (const type of ['dragenter', 'dragover', 'drop'])
          target.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
      else target.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
    }, kind);
    await bob.offer.getByRole('button', { name: 'Accept' }).click();
    await expect(bob.status(`by ${kind}.txt`)).toHaveText(/^Received/);
  }
});

test('a second tab says so and can take over', async ({ pair }) => {
  const [alice, bob] = await pair();
  const first = alice.page;
  const second = await alice.context.newPage();
  await second.goto(alice.url);
  await expect(second.getByText('Causeway is open in another tab')).toBeVisible();
  await second.getByRole('button', { name: 'Use here' }).click();
  await expect(first.getByText('Causeway is open in another tab')).toBeVisible();
  alice.page = second;
  await alice.row('Bob').click();
  await alice.say('from the second tab');
  await expect(bob.messages).toContainText('from the second tab');
});
