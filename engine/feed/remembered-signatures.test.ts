import { expect, test } from 'vitest';
import { toUtf8 } from '../../protocol/bytes.ts';
import { cheapDevice, cheapSignatures } from '../testing/keys.ts';
import { RememberedSignatures } from './remembered-signatures.ts';

test('verifies what is right once, and what is wrong, or under another key, each time', async () => {
  let asked = 0;
  const signatures = new RememberedSignatures({
    verify: (...args) => {
      asked++;
      return cheapSignatures.verify(...args);
    },
  });
  const [ann, bob] = [cheapDevice(1), cheapDevice(2)];
  const message = toUtf8('hello');
  const signature = await ann.sign(message);
  for (let times = 0; times < 3; times++) expect(await signatures.verify(ann.publicKey, message, signature)).toBe(true);
  expect(asked).toBe(1);
  expect(await signatures.verify(bob.publicKey, message, signature)).toBe(false);
  expect(await signatures.verify(ann.publicKey, toUtf8('hullo'), signature)).toBe(false);
  expect(await signatures.verify(ann.publicKey, toUtf8('hullo'), signature)).toBe(false);
  expect(asked).toBe(4);
});
