/** For journeys that pull a cable: a network of its own for one browser, and a server that can be reached from there. */
import { Network } from './network.ts';
import { test } from './test.ts';

/** Within `test.describe`, whose tests are skipped where there can be no such network. @returns the network, once a test runs. */
export function withNetwork(): () => Network {
  test.skip(!Network.available(), 'needs root and iproute2 (ip netns)');
  let network: Network;
  test.beforeAll(() => {
    network = Network.create();
  });
  test.afterAll(() => network.remove());
  test.use({ serverEnv: { HOST: '0.0.0.0' } });
  return () => network;
}
