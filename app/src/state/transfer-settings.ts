/** What a person sets for all transfers of this browser, and how the engine is told. */
import type { Transfers } from '../../../engine/exchange/transfers.ts';
import { defaultAtOnce } from '../../../engine/exchange/transfer-queue.ts';

export interface TransferSettings {
  /** Files at a time, in each direction. */
  atOnce: number;
  /** Of all transfers together; absent for as fast as it goes. */
  upBytesPerSecond?: number;
  downBytesPerSecond?: number;
}

/** `limits.streamsPerLink`: a single link carries no more. */
export const atOnceMax = 8;
export const defaultTransferSettings: TransferSettings = { atOnce: defaultAtOnce };

export function applySettings(transfers: Transfers, settings: TransferSettings): void {
  const { atOnce, ...limits } = settings;
  transfers.setAtOnce(atOnce);
  transfers.setSpeedLimits(limits);
}
