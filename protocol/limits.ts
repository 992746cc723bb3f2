/**
 * Every limit of the wire, in one place, each with its reason (invariant 6).
 * Limits that an operator may change are settings of the server (`signaling/settings.ts`); these are not.
 */
const KiB = 1024;
const MiB = 1024 * KiB;

/** Version of everything in `protocol/`. A peer or server that speaks another one is told so and not listened to. */
export const PROTOCOL_VERSION = 1;

export const limits = {
  // People
  /** Long enough to be found, short enough to be read out. */
  handleMinLength: 3,
  handleMaxLength: 32,
  displayNameMaxLength: 64,
  emailMaxLength: 254, // RFC 5321, 4.5.3.1.3
  passwordMinLength: 8,
  passwordMaxLength: 128,
  deviceNameMaxLength: 64,
  /** A device list is a hash chain that contacts verify from their pin on; 256 changes are a lifetime. */
  deviceListsPerAccount: 256,
  /** Every message goes to each device of an account; more than this is not a person. */
  devicesPerAccount: 16,
  /** Former ones too, in what one's own devices tell each other of a person: a payload holds them. */
  devicesPerOwnPerson: 192,
  /** A device that asks to be approved waits this long for it; then it has to ask anew. */
  approvalMs: 5 * 60_000,
  contactsPerAccount: 2000,
  /** Requests of strangers that wait for one account; later ones are refused. */
  waitingRequests: 20,
  /** Unanswered requests that one account may have out at a time. */
  pendingRequests: 5,
  /** People who see each other behind one address: a household, an office, a classroom. More are strangers behind one mobile network or VPN. */
  nearbyPeople: 50,

  // Signaling
  /** A sealed envelope: an SDP with its candidates is under 6 KiB, a file offer for a stranger fits without thumbnails. */
  envelopeBytes: 16 * KiB,
  /** Socket.IO `maxHttpBufferSize`: a whole chain of device lists fits, nothing larger is legitimate. */
  signalingMessageBytes: 128 * KiB,
  /** Knocks (offers of strangers) that the server keeps in memory, per sender for one recipient, and per recipient. */
  knocksPerSender: 5,
  knocksPerRecipient: 40,
  /** How long a knock is kept in memory for somebody who is offline. The sender repeats it when it connects. */
  knockTtlMs: 24 * 3600_000,
  /** A signal older than this is refused (replay). */
  signalTtlMs: 60_000,
  /** How far a clock may be off before its signals are refused. */
  clockSkewMs: 30_000,
  wrappedRecordBytes: 1 * KiB,
  /** Every acknowledged event is answered within this time or fails. */
  ackTimeoutMs: 10_000,

  // Presence: together at most 25 s, so that a killed or frozen browser is never a ghost for longer.
  heartbeatIntervalMs: 8_000,
  heartbeatTimeoutMs: 8_000,

  // Link
  /** Largest data channel message that every browser takes (measured `maxMessageSize` is 262,144). */
  frameBytes: 256 * KiB,
  /** Payload of one chunk of a block; measured best on fast links. */
  chunkBytes: 64 * KiB,
  /** A control frame; the largest is a batch of entries. */
  controlFrameBytes: 192 * KiB,
  /** Links open at a time; the one idle longest is closed first. */
  openLinks: 32,
  /** From the first signal to a proven link. */
  linkSetupMs: 20_000,
  /** A link without a use is closed after this time. */
  linkIdleMs: 120_000,
  /** Signals waiting at a link that is being made. */
  signalsPerLink: 64,

  /** A description with its candidates is under 6 KiB. */
  sdpLength: 12_000,
  candidateLength: 1024,
  /** Connections of one link, lane 0 among them: measured, 32 carry 0.76 of a line that loses one packet in a hundred. */
  lanesPerLink: 32,
  /** Extra lanes open at a time, over all links: browsers stop at about 500 connections. */
  extraLanes: 128,
  /** How often lanes of one link may be made anew in a minute: all of them three times. */
  laneAttemptsPerMinute: 96,

  // Feed
  /** A text message. */
  textBytes: 16 * KiB,
  /** A reaction in UTF-16 units: the longest emoji, a family with skin tones, is under 32. */
  reactionUnits: 32,
  /** People whom one text names: more is shouting at all, and a payload stays small. */
  mentionsPerText: 32,
  /** Feeds that one read receipt names; more go into the next one. */
  readFeeds: 64,
  /** Longest time after which a message disappears: a year. */
  expiryMs: 365 * 24 * 3600_000,
  /** Somebody who writes on says so again after this time. */
  typingIntervalMs: 3_000,
  /** After this time without a word of it nobody is writing any more: two intervals, so that one may be late. */
  typingShownMs: 6_000,
  /** Payload of an entry, a thumbnail within. */
  payloadBytes: 64 * KiB,
  headerBytes: 4 * KiB,
  /** Entries are sent in batches of about this size, so that files and messages share a link. */
  entryBatchBytes: 96 * KiB,
  entriesPerBatch: 512,
  /** Batches under way to one peer for one conversation before it says that it has committed them. */
  entryBatchesInFlight: 4,
  /** Who lacks more entries than this is first sent the newest ones: fewer are there before anybody has looked. */
  newestBeyondEntries: 500,
  /** Newest entries that are sent ahead: two screens. */
  newestEntries: 100,
  /** Feeds that a frontier names: each device that ever wrote in a conversation has one. */
  feedsPerConversation: 1024,
  /** How often a feed is sent again from a place where the peer stands still, and all feeds of a conversation together over one link. */
  entryRepeats: 2,
  entryRepeatsPerLink: 64,
  /** How often a peer asks again for what it lacks while nothing new comes. */
  frontierRepeats: 8,
  /** A wall clock further ahead than this is clamped and marked. */
  wallSkewMs: 5 * 60_000,

  // Groups
  /** Every member holds the log, and keys are sealed to each device; gossip over a few links still reaches all in seconds. */
  membersPerGroup: 256,
  groupsPerAccount: 200,
  /** In UTF-16 units. */
  groupNameUnits: 100,
  /** Name and picture, encrypted. */
  groupFaceBytes: 26 * KiB,
  /** Devices of one member, former ones too, that a removal names. */
  feedsPerMember: 64,
  /** Device lists in one entry; a longer chain goes on in the next. */
  listsPerGroupEntry: 64,
  /** Keys that one new key replaces: more than one only when several were made at the same time. */
  groupKeysBefore: 16,
  /** Sealed keys in one entry: 400 of about 130 bytes stay under `payloadBytes`. */
  sealedPerEntry: 400,
  /** Invitations of one group that are open at the server. */
  invitationsPerGroup: 16,
  /** Members whose public records are told at a time. */
  membersPerAnswer: 16,
  /** Members who are told that somebody asks to join: if the first does not answer, the next does. */
  membersAsked: 4,
  /** Admissions of one account, the newest, of which a removal names the one that it ends. */
  admissionsPerRemoval: 16,
  /** Notes of one device in one group that are taken and handed on: one in this time. Who is honest says less. */
  groupNoteIntervalMs: 500,
  /** Notes of others that a member hands to whom it meets, the newest: receipts of those who were there last. */
  groupNotesPerLink: 64,
  /** How long the server remembers who asked: a member lets them in within this time, or they ask again. */
  joinAskMs: 10 * 60_000,

  // Transfer
  /** Hash unit (design: measured fastest to hash, fine enough to resume). */
  blockBytes: 256 * KiB,
  /** Leaf hashes in one signed batch: at most this many (2 MiB, so that a cut costs at most 8 MiB sent twice). */
  leafBatchBlocks: 8,
  /** Ranges that one `want` asks for; a receiver with more holes asks again. */
  rangesPerWant: 4096,
  /** Ranges that one `have` tells; a holder with more gaps tells them in several. */
  rangesPerHave: 4096,
  /** Bytes that the receiver lets the sender have under way beyond what is durably written, over all streams: the most a cut costs. */
  sinkCreditBytes: 8 * MiB,
  /** Bytes of a stream that may come twice, when lanes die or are slow at the end, beside a quarter of all that came. */
  repeatedBytes: 16 * MiB,
  filesPerOffer: 500,
  /** 2^53 - 1 would do; 64 TiB is more than any disk here and keeps block numbers within 32 bits. */
  fileBytes: 64 * 1024 * 1024 * MiB,
  fileNameBytes: 255,
  /** A name as it is offered, in UTF-16 units; it is cut down to a file system's bytes when it is saved. */
  fileNameUnits: 1024,
  /** Files and empty folders of one bundle: a photo archive fits, and its manifest stays a few MiB. */
  bundleEntries: 250_000,
  /** Manifest of a bundle: 250,000 paths of 100 bytes and more. It is held in memory whole. */
  manifestBytes: 32 * MiB,
  /** A path within a bundle, in UTF-16 units, and its segments: more than Windows and macOS take by default. */
  pathUnits: 4096,
  pathDepth: 64,
  /** Ranges of blocks that an answer accepts of one bundle; a choice with more gaps takes the smallest gaps in. */
  rangesPerAnswer: 1024,
  mimeLength: 127,
  thumbnailBytes: 24 * KiB,
  /** Longest voice message. */
  voiceMs: 15 * 60_000,
  /** Steps of the picture of a voice message: as many bars as fit a bubble on a phone. */
  voiceLevels: 64,
  /** A voice message up to this size comes without asking: 15 minutes at the 24 kbit/s at which they are recorded are 2.7 MB. */
  voiceBytes: 3 * MiB,
  /** Files up to this size, and all pastes, are copied when attached, so that a reloaded sender needs no click (invariant 9). */
  copyOnAttachBytes: 64 * MiB,
  /** Transfers that run at a time over one link; the others wait their turn. */
  streamsPerLink: 8,
} as const;
