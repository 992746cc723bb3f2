/** Groups as the screens show them, and what a person does with them. */
import type { Causeway } from '../../../engine/causeway.ts';
import type { Group } from '../../../engine/groups/group.ts';
import { beginningOfCode } from '../../../engine/groups/invitation-code.ts';
import type { Member } from '../../../engine/groups/membership.ts';
import { isUsable } from '../../../engine/groups/reconciliation.ts';
import { fromBase64 } from '../../../protocol/bytes.ts';
import type { GroupFace } from '../../../protocol/group.ts';
import type { AccountId, InvitationId } from '../../../protocol/ids.ts';
import { limits } from '../../../protocol/limits.ts';
import { fileName, shownName } from '../../../protocol/names.ts';
import { makeThumbnail, safePicture } from '../platform/thumbnails.ts';
import { text } from '../text.ts';
import { hasNamesake, nameIn } from './member-names.ts';
import { chatKey, groupKey } from './talk.ts';
import type { ActionResult, GroupActions } from './actions.ts';
import type { PersonRow } from './view.ts';
import type { GroupView, InvitationView, JoiningRow, MemberRow } from './views/groups.ts';

const ok: ActionResult = { ok: true };
const hourMs = 3600_000;
/** A picture that several people see in a list: as small as it may be and still be one. */
const pictureBytes = limits.thumbnailBytes;

interface Surroundings {
  engine: Causeway;
  open(account: AccountId): void;
  changed(): void;
  guard(work: () => Promise<ActionResult>): Promise<ActionResult>;
  report: (problem: unknown) => void;
}

export class GroupState implements GroupActions {
  /** Codes of invitations, read once. */
  readonly #codes = new Map<InvitationId, string>();
  readonly #pictures = new Map<string, { of: Uint8Array; url: string | undefined }>();
  /** Joined by a code a moment ago: opened as soon as it is there. */
  #awaited: string | undefined;

  constructor(private readonly around: Surroundings) {}

  stop(): void {
    for (const { url } of this.#pictures.values()) if (url !== undefined) URL.revokeObjectURL(url);
    this.#pictures.clear();
  }

  async create(name: string, picture?: File): Promise<ActionResult> {
    const { engine } = this.around;
    return this.around.guard(async () => {
      const face = await faceOf(name, picture);
      if (!face) return notShown;
      const group = await engine.groups.found(face);
      this.around.open(chatKey(group.id));
      return ok;
    });
  }

  async rename(account: AccountId, name: string, picture?: File | 'none'): Promise<ActionResult> {
    return this.#with(account, async (group) => {
      const kept = group.face?.picture;
      const face = await faceOf(name, picture === 'none' ? undefined : picture);
      if (!face) return notShown;
      return said(await group.rename({ ...(kept && !picture ? { picture: kept } : {}), ...face }));
    });
  }

  join(code: string): Promise<ActionResult> {
    return this.around.guard(async () => {
      const outcome = await this.around.engine.groups.join(code);
      if (!outcome.ok)
        return { ok: false, error: { code: outcome.code === 'malformed' ? 'wrong-join-code' : outcome.code } };
      this.#awaited = outcome.group;
      this.look();
      return ok;
    });
  }

  stopJoining(invitation: string): void {
    this.around.engine.groups.stopJoining(invitation as InvitationId).catch(this.around.report);
  }

  invite(account: AccountId, bounds: { hours?: number; uses?: number; approval: boolean }): Promise<ActionResult> {
    return this.#with(account, async (group) => {
      const { hours, uses, approval } = bounds;
      const made = await this.around.engine.groups.invite(group, {
        approval,
        ...(hours === undefined ? {} : { expiresAt: Date.now() + hours * hourMs }),
        ...(uses === undefined ? {} : { uses }),
      });
      if (made.refused) return notInvited(made.refused);
      this.#codes.set(made.invitation, made.code);
      return ok;
    });
  }

  uninvite(account: AccountId, invitation: string): Promise<ActionResult> {
    return this.#with(account, async (group) =>
      said(await this.around.engine.groups.uninvite(group, invitation as InvitationId)),
    );
  }

  /** Sends a contact an invitation for them alone. */
  add(account: AccountId, contact: AccountId): Promise<ActionResult> {
    return this.#with(account, async (group) => {
      const { engine } = this.around;
      const made = await engine.groups.invite(group, { approval: false, uses: 1 });
      if (made.refused) return notInvited(made.refused);
      const words = text.groups.invitationMessage(nameOfGroup(group), linkOf(made.code));
      const outcome = await engine.sendText(contact, words);
      return outcome.ok ? ok : { ok: false, error: outcome.error };
    });
  }

  decide(account: AccountId, who: AccountId, verdict: 'admit' | 'refuse'): Promise<ActionResult> {
    return this.#with(account, async (group) => said(await this.around.engine.groups.decide(group, who, verdict)));
  }

  remove(account: AccountId, member: AccountId): Promise<ActionResult> {
    return this.#with(account, async (group) => said(await group.remove(member)));
  }

  setRole(account: AccountId, member: AccountId, role: 'owner' | 'admin' | 'member'): Promise<ActionResult> {
    return this.#with(account, async (group) => said(await group.setRole(member, role)));
  }

  leave(account: AccountId): Promise<ActionResult> {
    return this.#with(account, async (group) => said(await this.around.engine.groups.leave(group)));
  }

  end(account: AccountId): Promise<ActionResult> {
    return this.#with(account, async (group) => said(await this.around.engine.groups.end(group)));
  }

  /** Opens what was joined a moment ago, once it is there. */
  look(): void {
    const group = this.around.engine.groups.all().find(({ id }) => id === this.#awaited);
    if (!group?.me) return;
    this.#awaited = undefined;
    this.around.open(chatKey(group.id));
  }

  joining(): JoiningRow[] {
    return this.around.engine.groups.joining().map(({ invitation, secret, verdict }) => ({
      invitation,
      begins: beginningOfCode(fromBase64(secret)),
      standing: verdict ?? 'asking',
    }));
  }

  row(group: Group, chosen: Pick<PersonRow, 'pinned' | 'muted' | 'archived'>): PersonRow {
    const { engine } = this.around;
    const summary = engine.conversations.summary(group.chat);
    const { last } = summary;
    const author = last?.device && group.accountOf(last.device);
    const own = engine.account.id;
    const members = [...(group.membership?.members.values() ?? [])];
    const online = members.filter(({ account }) => account !== own && group.online(account).length > 0).length;
    const picture = this.#picture(group);
    return {
      account: chatKey(group.id),
      group: { members: members.length, online, ...(picture === undefined ? {} : { pictureUrl: picture }) },
      handle: '',
      displayName: nameOfGroup(group),
      avatarSeed: group.log,
      relation: this.#isIn(group) ? 'accepted' : 'none',
      online: online > 0,
      conversation: group.chat,
      unread: summary.unread,
      mentioned: summary.unread > 0 && summary.mentioned === true,
      ...chosen,
      ...(last
        ? {
            last: {
              text: last.kind === 'text' ? last.text : last.names.map(fileName).join(', '),
              at: last.at,
              mine: last.mine,
              author: author === undefined ? '' : nameIn(group, author),
            },
          }
        : {}),
    };
  }

  view(group: Group): GroupView {
    const { engine } = this.around;
    const { me } = group;
    const inside = this.#isIn(group);
    const members = [...(group.membership?.members.values() ?? [])].map((member) => this.#member(group, member));
    const rank = ({ role }: MemberRow) => ['owner', 'admin', 'member'].indexOf(role);
    members.sort((a, b) => rank(a) - rank(b) || a.handle.localeCompare(b.handle));
    const admin = inside && me !== undefined && me.role !== 'member';
    const picture = this.#picture(group);
    return {
      name: nameOfGroup(group),
      role: me?.role ?? 'member',
      standing: group.membership?.deleted ? 'deleted' : inside ? 'in' : 'out',
      ...(picture === undefined ? {} : { pictureUrl: picture }),
      members,
      invitations: admin ? this.#invitations(group) : [],
      asking: admin
        ? [...group.asking.values()].map(({ account, payload }) => ({
            account: account.id,
            handle: account.handle,
            displayName: shownName(account.displayName),
            avatarSeed: payload.root,
          }))
        : [],
      contacts: engine.people
        .all()
        .filter(({ account, relation }) => relation === 'accepted' && !engine.people.isSelf(account))
        .filter(({ account }) => !group.membership?.members.has(account))
        .map(({ account, handle, displayName, pin }) => ({ account, handle, displayName, avatarSeed: pin.root })),
    };
  }

  #member(group: Group, member: Member): MemberRow {
    const { account, root, role } = member;
    const { handle, displayName } = group.roster.get(account) ?? member;
    const me = account === this.around.engine.account.id;
    return {
      account,
      handle,
      displayName: shownName(displayName),
      ...(hasNamesake(group, account) ? { namesake: true as const } : {}),
      avatarSeed: root,
      role,
      me,
      departed: group.departed.has(account),
      online: me ? this.around.engine.connected : group.online(account).length > 0,
      mayRemove: group.mayRemove(member),
      mayChangeRole: group.me?.role === 'owner' && !me,
    };
  }

  #invitations(group: Group): InvitationView[] {
    const now = Date.now();
    return [...(group.membership?.invitations.values() ?? [])]
      .filter((one) => isUsable(one, now))
      .map(({ invitation, approval, expiresAt, uses, used }) => {
        const code = this.#code(group, invitation);
        return {
          invitation,
          approval,
          used,
          ...(code === undefined ? {} : { code, link: linkOf(code) }),
          ...(expiresAt === undefined ? {} : { expiresAt }),
          ...(uses === undefined ? {} : { uses }),
        };
      });
  }

  /** Read from this device; shown once it was. */
  #code(group: Group, invitation: InvitationId): string | undefined {
    const known = this.#codes.get(invitation);
    if (known !== undefined) return known || undefined;
    this.#codes.set(invitation, '');
    this.around.engine.groups.codeOf(group, invitation).then((code) => {
      if (code === undefined) return;
      this.#codes.set(invitation, code);
      this.around.changed();
    }, this.around.report);
    return undefined;
  }

  /** Drawn anew before it is shown, as every picture of somebody else. */
  #picture(group: Group): string | undefined {
    const of = group.face?.picture;
    if (!of) return undefined;
    const known = this.#pictures.get(group.id);
    if (known?.of === of) return known.url;
    if (known?.url !== undefined) URL.revokeObjectURL(known.url);
    this.#pictures.set(group.id, { of, url: undefined });
    safePicture(of).then((blob) => {
      // Another picture came meanwhile, or nobody is there to let go of this one.
      if (!blob || this.#pictures.get(group.id)?.of !== of) return;
      this.#pictures.set(group.id, { of, url: URL.createObjectURL(blob) });
      this.around.changed();
    }, this.around.report);
    return undefined;
  }

  /** By the log; and by the server, which says so first to whom the others do not talk any more. */
  #isIn(group: Group): boolean {
    return group.me !== undefined && !group.excluded;
  }

  #with(account: AccountId, work: (group: Group) => Promise<ActionResult>): Promise<ActionResult> {
    const group = this.around.engine.groups.byId(groupKey(account));
    if (!group) return Promise.resolve({ ok: false, error: { code: 'not-allowed' } });
    return this.around.guard(async () => {
      const result = await work(group);
      this.around.changed();
      return result;
    });
  }
}

const notShown: ActionResult = { ok: false, error: { code: 'not-a-picture' } };
const said = (done: boolean): ActionResult => (done ? ok : { ok: false, error: { code: 'not-allowed' } });
const notInvited = (refused: 'not-allowed' | 'too-many'): ActionResult => ({
  ok: false,
  error: { code: refused === 'too-many' ? 'too-many-invitations' : refused },
});
const nameOfGroup = (group: Group): string =>
  shownName(group.face?.name ?? '', limits.groupNameUnits) || text.groups.unnamed;
const linkOf = (code: string): string => `${location.origin}/#join/${code}`;

/** Undefined when the picture is none that this browser can draw. */
async function faceOf(name: string, picture: File | undefined): Promise<GroupFace | undefined> {
  const small = picture && (await makeThumbnail(picture, pictureBytes));
  if (picture && !small) return undefined;
  return { name: name.trim().slice(0, limits.groupNameUnits), ...(small ? { picture: small } : {}) };
}
