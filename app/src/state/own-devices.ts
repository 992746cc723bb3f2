/** From the engine to what the screens show of this account's devices. Pure apart from the clock. */
import type { Causeway } from '../../../engine/causeway.ts';
import type { VerifiedChain } from '../../../engine/identity/device-list.ts';
import { shownName } from '../../../protocol/names.ts';
import type { Approval } from './approval.ts';
import type { DeviceRow, Phase, View } from './view.ts';

/** Shorter histories come so quickly that telling of them would only flicker. */
const tellEntries = 50;

export function ownDevicesView(engine: Causeway): Pick<View, 'devices' | 'approval' | 'history'> {
  const { pending } = engine.approvals;
  const history = engine.ownDevices.history();
  const from = history && engine.devices.find(({ id }) => id === history.device);
  return {
    devices: devicesOf(engine),
    ...(pending
      ? { approval: { guest: pending.guest.id, name: shownName(pending.guest.name), digits: pending.code.digits } }
      : {}),
    ...(history && from && history.entries >= tellEntries
      ? { history: { from: shownName(from.name), percent: Math.floor(history.share * 100) } }
      : {}),
  };
}

function devicesOf(engine: Causeway): DeviceRow[] {
  const online = engine.people.online(engine.account.id);
  return engine.devices
    .map(({ id, name, addedAt }) => {
      const seenAt = engine.ownDevices.seenAt.get(id);
      const here = id === engine.device;
      return {
        id,
        name: shownName(name),
        here,
        online: here || online.has(id),
        addedAt,
        ...(seenAt ? { seenAt } : {}),
      };
    })
    .sort((a, b) => Number(b.here) - Number(a.here) || b.addedAt - a.addedAt);
}

/** The phase of a browser that is logged in and no device yet. */
export function visitingPhase(handle: string, chain: VerifiedChain, approval: Approval | undefined): Phase {
  const devices = chain.newest.devices.map(({ id, name }) => ({ id, name: shownName(name) }));
  const asked = approval && devices.find(({ id }) => id === approval.host)?.name;
  return {
    kind: 'needs-recovery',
    handle,
    devices,
    ...(approval ? { approval: { name: asked ?? '', state: approval.state } } : {}),
  };
}
