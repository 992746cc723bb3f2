/** A link to join a group that was followed within the app: whatever screen can join takes it. The address stays what it is, and so does the screen. */
export const followed = $state<{ code: string | undefined }>({ code: undefined });
