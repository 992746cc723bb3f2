/** Emoji that the menu of a message offers at once; the picker has all others. */
export const quickEmoji = ['👍', '❤️', '😂', '😮', '😢', '🎉'] as const;
