/**
 * Builds the parts of the engine and connects them. They are made in the order in which they need each other; what a part tells one that is made
 * after it is told when it happens, never while it is being made.
 */
import type { OwnAccount } from '../protocol/http.ts';
import type { OfferId } from '../protocol/ids.ts';
import { AgreedClock } from './agreed-clock.ts';
import type { CausewayEvents, CausewayPorts } from './causeway-ports.ts';
import { ApprovalHost } from './devices/approval-host.ts';
import { LocalAccount } from './devices/local-account.ts';
import { OwnChoices } from './devices/own-choices.ts';
import { OwnDevices } from './devices/own-devices.ts';
import { Authors } from './exchange/authors.ts';
import { AutoAccept } from './exchange/auto-accept.ts';
import { Conversations } from './exchange/conversations.ts';
import { Knocks } from './exchange/knocks.ts';
import { Outbox } from './exchange/outbox.ts';
import { Projector } from './exchange/projector.ts';
import { Transfers } from './exchange/transfers.ts';
import { Feeds } from './feed/log.ts';
import { Groups } from './groups/groups.ts';
import { GroupNotes } from './groups/notes.ts';
import type { VerifiedChain } from './identity/device-list.ts';
import { Envelopes } from './identity/envelope.ts';
import { IceServers } from './links/ice-servers.ts';
import { LinkPolicy } from './links/link-policy.ts';
import { LinkRouter } from './links/link-router.ts';
import { Links } from './links/links.ts';
import { Messages } from './messages/messages.ts';
import { Typing } from './messages/typing.ts';
import { Nearby } from './people/nearby.ts';
import { People, type Person } from './people/people.ts';
import { SealedRelay } from './sealed-relay.ts';
import { ServerSession } from './server-session.ts';
import type { Signaling } from './signaling.ts';

export type Parts = ReturnType<typeof build>;

/** @param accept Accepts an offer for the person: what comes from a device of their own needs nobody's yes. */
export function build(
  ports: CausewayPorts,
  known: { account: OwnAccount; chain: VerifiedChain },
  events: CausewayEvents,
  accept: (offer: OfferId) => Promise<unknown>,
) {
  const report = (problem: unknown) => ports.report(problem);
  const self = (): Person | undefined => people.get(account.id);
  const request: Signaling['request'] = (name, body) => server.request(name, body);
  const account: LocalAccount = new LocalAccount(known, {
    ...ports,
    request,
    self,
    keepSelf: (...args) => people.keepSelf(...args),
    changed: (account) => {
      links.dropForbidden();
      conversations.authorsChanged();
      events.account(account);
      events.changed();
    },
  });
  const agreed = new AgreedClock(ports.clock);
  const envelopes: Envelopes = new Envelopes({ ...ports, clock: agreed, sealing: ports.keys });
  const people: People = new People(
    { ...ports, records: ports.people, now: () => ports.clock.now() },
    () => account.root,
    {
      changed: (account) => {
        policy.personChanged(account);
        ownDevices.personChanged(account);
      },
      cameOnline: (_, devices) => {
        for (const device of devices) links.nudge(device);
      },
      refused: (_, problem) => report(problem),
    },
  );
  const nearby: Nearby = new Nearby(request, () => events.changed());
  const feeds: Feeds = new Feeds({
    ...ports,
    store: ports.feeds,
    device: ports.keys,
    cipher: {
      seal: (...args) => groups.cipher.seal(...args),
      open: (...args) => groups.cipher.open(...args),
    },
    limitOf: (...args) => groups.limitOf(...args),
  });
  const groups: Groups = new Groups(
    {
      ...ports,
      feeds,
      rows: ports.groups,
      own: () => {
        const { id, handle, displayName, lists } = account.account;
        return { account: id, root: account.root, handle, displayName, lists };
      },
      append: async (log, payload) => (await feeds.append(log, payload)).kind === 'committed',
      settled: () => projector.idle(),
      isMine: (device) => account.isMine(device),
      owes: (conversation, device) => conversations.owes(conversation, device),
      request,
      change: async (group, change) => (await request('groups:change', { group, change })).ok,
    },
    {
      changed: (group) => policy.groupChanged(group),
      serves: () => policy.align(),
      hosts: () => {
        policy.align();
        conversations.nameAgain();
      },
      readable: (group) => {
        policy.align();
        conversations.again(group.chat);
      },
    },
  );
  const outbox: Outbox = new Outbox({ feeds, groups, people });
  const authors: Authors = new Authors({ account, people, groups });
  const links: Links = new Links(
    {
      ...ports,
      clock: agreed,
      iceServers: () => iceServers.ask(),
      sendSignal: (to, body) => relay.sendSignal(to, body),
      allowed: (device) => policy.allowed(device),
      online: (device) => policy.online(device),
    },
    {
      opened: (link) => router.opened(link),
      frame: (link, frame) => router.route(link, frame),
      closed: (link) => router.closed(link),
      changed: (device) => events.changed(people.byDevice(device)?.person.account),
      report,
    },
  );
  const conversations: Conversations = new Conversations(
    {
      feeds,
      signatures: ports.signatures,
      keys: ports.keys,
      clock: ports.clock,
      summaries: ports.summaries,
      deliveries: ports.deliveries,
      authorsOf: (conversation) => authors.of(conversation),
      isMine: (device) => account.isMine(device),
      // A peer may have heard first that both are in a group, or not yet that they are no more; a device that is new hears of its groups later.
      mayName: ({ account }) =>
        groups.joining().length + groups.all().length + (self()?.devices.length ?? 0) > 0 || groups.isFellow(account),
      own: () => account.id,
      isLookedAt: (conversation) => groups.byLog(conversation) === undefined,
      handsOnTo: (conversation) => groups.links.handsOnTo(conversation),
      introduce: (conversation, wires) => groups.byLog(conversation)?.introduce(wires),
      report,
    },
    {
      named: (conversation) => {
        groups.named(conversation).catch(report);
      },
      changed: (conversation) => {
        const group = groups.of(conversation);
        if (group) policy.groupChanged(group);
        groups.acknowledged(conversation);
        const person = people.byConversation(conversation);
        if (person) policy.personChanged(person.account);
        ownDevices.soon();
      },
      newest: (conversation) => events.ahead(conversation),
      level: (device) => policy.level(device),
      forked: (conversation, fork) => {
        report(new Error(`feed of ${fork.device} is forked`));
        events.changed(people.byConversation(conversation)?.account ?? groups.of(conversation)?.id);
      },
      broken: (link, problem) => router.broken(link, problem),
    },
  );
  const transfers: Transfers = new Transfers(
    {
      ...ports,
      records: ports.offers,
      signKeyOf: (conversation, device) => authors.of(conversation).get(device),
      mayHave: (chat, device) => policy.mayRead(chat, device),
      isOthers: (chat, device) => policy.isOthers(chat, device),
      online: (device) => policy.online(device),
      append: async (conversation, payload) => {
        const { ok } = await outbox.append(conversation, payload);
        await projector.idle();
        return ok;
      },
    },
    {
      changed: (chat) => policy.transfersChanged(chat),
      broken: (link, problem) => router.broken(link, problem),
    },
  );
  const choices: OwnChoices = new OwnChoices(ports.choices, (about) => events.changed(about));
  const ownDevices: OwnDevices = new OwnDevices({
    ...ports,
    people,
    groups,
    choices,
    conversations,
    transfers,
    links,
    self,
    isLookedAt: () => policy.lookedAt === account.id,
    append: async (payload) => {
      const conversation = self()?.conversation;
      if (conversation !== undefined) await outbox.append(conversation, payload);
      await projector.idle();
    },
    accept,
  });
  const approvals: ApprovalHost = new ApprovalHost(
    {
      ...ports,
      envelopes,
      own: () => ({
        account: account.id,
        root: account.root,
        device: account.here,
        isMine: (device) => account.isMine(device),
      }),
      send: async (to, box) => {
        const from = account.here;
        return from !== undefined && (await request('approval', { from, to: to.id, box })).ok;
      },
    },
    () => events.changed(),
  );
  const typing: Typing = new Typing(ports.clock, (account) => events.changed(account));
  const messages: Messages = new Messages({
    ...ports,
    feeds,
    offerDeleted: (...offer) => transfers.kept.deleted(...offer),
    altered: (conversation, messages) => projector.altered(conversation, messages),
    later: (work) => {
      projector.run(work).catch(report);
    },
  });
  const notes: GroupNotes = new GroupNotes(
    {
      ...ports,
      clock: agreed,
      groups: () => groups.all(),
      byChat: (conversation) => groups.byChat(conversation),
      handsOnTo: (conversation) => groups.links.handsOnTo(conversation),
      links: () => links.all(),
      isMine: (device) => account.isMine(device),
      readHere: (conversation) => (choices.discretion.read ? messages.readBy(conversation, account.id) : new Map()),
      learnRead: (...read) => projector.run(() => messages.learnRead(...read)),
    },
    (group) => events.changed(group.id),
  );
  const shared = {
    ...ports,
    account,
    people,
    groups,
    links,
    conversations,
    choices,
    transfers,
    ownDevices,
    typing,
    notes,
    request,
  };
  const autoAccept: AutoAccept = new AutoAccept({
    ...ports,
    people,
    transfers,
    chosen: (group) => choices.chat(group.id),
    append: (conversation, payload) => outbox.append(conversation, payload),
  });
  const projector: Projector = new Projector(
    {
      ...shared,
      store: ports.feeds,
      feeds,
      messages,
      authors,
      autoAccept,
    },
    {
      changed: (chat) => events.changed(chat),
      committed: (entries) => events.committed(entries),
      altered: (conversation, messages) => events.altered(conversation, messages),
      taken: (person) => {
        policy.personChanged(person.account);
        ownDevices.soon();
      },
    },
  );
  const policy: LinkPolicy = new LinkPolicy(shared, (chat) => events.changed(chat));
  const router: LinkRouter = new LinkRouter({ ...shared, policy });
  const knocks: Knocks = new Knocks({
    transfers,
    person: (account) => people.get(account),
    send: (to, id, body) => relay.sendKnock(to, id, body),
    now: () => ports.clock.now(),
    report,
  });
  const iceServers: IceServers = new IceServers(shared);
  const relay: SealedRelay = new SealedRelay({
    ...shared,
    policy,
    projector,
    knocks,
    envelopes,
    heard: () => server.heard(),
  });
  const server: ServerSession = new ServerSession(
    { ...shared, nearby, approvals, knocks, relay, iceServers, agreed },
    events,
  );
  feeds.listen((entries) => {
    conversations.spread(entries);
    projector.take(entries);
  });
  return {
    account,
    people,
    nearby,
    feeds,
    groups,
    outbox,
    authors,
    links,
    conversations,
    choices,
    transfers,
    ownDevices,
    approvals,
    typing,
    notes,
    messages,
    projector,
    policy,
    knocks,
    autoAccept,
    server,
  };
}
