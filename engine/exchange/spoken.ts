/**
 * How much of what is spoken in a group comes without asking. Any member can offer as many voice messages as they like, so all that one costs others
 * is bounded here: the entries by which each device says that it fetches and has it, and room on each disk.
 */

/** What was spoken in a group before that comes when somebody asks for it: whoever is new there does not fetch years. */
export const spokenWithinMs = 30 * 24 * 3600_000;
/**
 * In groups of more devices what is spoken comes when somebody asks for it: of each that fetches it all others hold two entries, some 500 bytes; of this
 * many together as much as eight seconds of speech at 24 kbit/s.
 */
export const spokenDevices = 50;
/** Of one member in a day: more than people speak. It makes others write no more than 2.5 MB of entries a day, if each is but a byte. */
const spokenPerDay = 100;
const dayMs = 24 * 3600_000;
/**
 * Of one group within `spokenWithinMs`: a whole day of speech at 24 kbit/s, and half of what is left free. Nobody has to have listened to it, so the
 * limit of received files may keep it for long.
 */
const spokenBytes = 256 * 1024 * 1024;
/** Of that for one member, so that nobody speaks in the place of all others. */
const spokenMemberBytes = spokenBytes / 4;

export interface Spoken<Member> {
  member: Member;
  sizeBytes: number;
}

/**
 * Whether one more comes without asking. What was decided counts, whatever became of it: whoever takes an offer back has had their answers.
 * @param before all of the group that came without asking, and when that was decided, by the clock of this device.
 */
export function isWithinLimits<Member>(
  { member, sizeBytes }: Spoken<Member>,
  before: Iterable<Spoken<Member> & { at: number }>,
  now: number,
): boolean {
  let today = 1;
  let ofGroup = sizeBytes;
  let ofMember = sizeBytes;
  for (const one of before) {
    const agoMs = Math.abs(now - one.at); // the clock may have been ahead
    if (agoMs > spokenWithinMs) continue;
    ofGroup += one.sizeBytes;
    if (one.member !== member) continue;
    ofMember += one.sizeBytes;
    if (agoMs < dayMs) today++;
  }
  return today <= spokenPerDay && ofMember <= spokenMemberBytes && ofGroup <= spokenBytes;
}
