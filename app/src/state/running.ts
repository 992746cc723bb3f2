/** What is needed only while an account is logged in: the engine, its drivers, what is shown of conversations. Loaded then, so that a first visit does not wait for it. */
export { Causeway } from '../../../engine/causeway.ts';
export { connectSignaling } from '../../../link/socket-signaling.ts';
export { openWebRtc } from '../../../link/web-rtc.ts';
export { Messaging } from './messaging.ts';
export { Timeline } from './timeline.ts';
export { groupCrypto } from '../../../keys/group-crypto.ts';
export { GroupState } from './groups.ts';
