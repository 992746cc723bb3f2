/** What is still to be moved: with which devices, and how much comes to this one. */
import type { AccountId, DeviceId } from '../../protocol/ids.ts';
import type { DeviceKeys } from '../ports.ts';
import { isShared } from './copies.ts';
import type { Incoming } from './incoming.ts';
import { acceptedBytes, isPromised, standingOf, type OfferRecord } from './offer.ts';
import type { Offers } from './offers.ts';
import { partnersOf } from './partners.ts';
import type { ProgressBook } from './progress.ts';

export interface DemandPorts {
  keys: DeviceKeys;
  offers: Offers;
  progress: ProgressBook;
  incoming: Incoming;
  mayHave(record: OfferRecord, device: DeviceId): boolean;
  online(device: DeviceId): boolean;
}

export class Demand {
  constructor(private readonly ports: DemandPorts) {}

  /** Devices that a link is wanted to for what is fetched from several. */
  partners(): ReadonlySet<DeviceId> {
    const { ports } = this;
    return new Set(
      ports.offers.shared().flatMap((record) => {
        const reachable = (device: DeviceId) => ports.mayHave(record, device) && ports.online(device);
        const files = ports.incoming.filesToFetch(record).filter((file) => isShared(record, file));
        return [...partnersOf(record, files, ports.keys.id, reachable)];
      }),
    );
  }

  /** Whether anything is to be moved between this device and that one. */
  busyWith(account: AccountId, device: DeviceId): boolean {
    const here = this.ports.keys.id;
    if (this.partners().has(device)) return true;
    return this.ports.offers.ofAccount(account).some((record) => {
      const { offered, answer } = record;
      if (offered?.device === device && this.ports.incoming.filesToFetch(record).length > 0) return true;
      if (offered?.device !== here || answer.kind !== 'accepted' || answer.by !== device) return false;
      return offered.files.some((_, file) => standingOf(record, file) === 'accepted');
    });
  }

  /** Bytes of everything accepted, by hand or by a rule, that is still to come to this device. */
  bytesToCome(): number {
    const { incoming, offers, progress } = this.ports;
    return offers.all().reduce((sum, record) => {
      const files = record.offered?.files ?? [];
      const accepted = isPromised(record) ? [...files.keys()] : incoming.filesToFetch(record);
      const left = (file: number) => acceptedBytes(record, file) - progress.of(record.offer, file).doneBytes;
      return accepted.reduce((whole, file) => whole + left(file), sum);
    }, 0);
  }
}
