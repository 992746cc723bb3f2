/** The version in package.json, put in by the build. */
declare const __APP_VERSION__: string;

/** All emoji, a line each: number of the group, emoji, name, other words for it; put in by the build. */
declare module 'virtual:emoji-list' {
  const list: string;
  export default list;
}
