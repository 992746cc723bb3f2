/** What a person does with the account that is logged in: its devices, and what others see of it. */
import type { Causeway } from '../../../engine/causeway.ts';
import type { DeviceId } from '../../../protocol/ids.ts';
import { resultOf } from './action-result.ts';
import type { ActionResult, SelfActions } from './actions.ts';

export class Self implements SelfActions {
  constructor(
    private readonly engine: Causeway,
    private readonly report: (problem: unknown) => void,
  ) {}

  async approveDevice(guest: DeviceId): Promise<ActionResult> {
    return resultOf(await this.engine.approve(guest));
  }

  refuseDevice(): void {
    this.engine.approvals.refuse().catch(this.report);
  }

  async renameDevice(device: DeviceId, name: string): Promise<ActionResult> {
    return resultOf(await this.engine.renameDevice(device, name));
  }

  async revokeDevice(device: DeviceId): Promise<ActionResult> {
    return resultOf(await this.engine.revokeDevice(device));
  }

  async updateProfile({ displayName, email }: { displayName: string; email: string }): Promise<ActionResult> {
    return resultOf(await this.engine.updateProfile({ displayName: displayName.trim(), email: email.trim() }));
  }
}
