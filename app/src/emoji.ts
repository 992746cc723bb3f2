/** What counts as an emoji, and how long a text of nothing else may be to be shown large. */
// As a string: the `v` flag is younger than the language level that the rest is compiled for.
const one = new RegExp('^\\p{RGI_Emoji}$', 'v');
const few = new RegExp('^(?:\\p{RGI_Emoji}\\s*){1,6}$', 'v');

export const isEmoji = (text: string): boolean => text.length <= 32 && one.test(text);
export const isEmojiOnly = (text: string): boolean => text.length <= 160 && few.test(text.trim());
