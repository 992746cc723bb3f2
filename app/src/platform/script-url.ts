/** Trusted Types: the one policy that lets an address become a script, for the worker and the service worker. Same origin only. */
interface Policy {
  createScriptURL(url: string): unknown;
}
declare global {
  interface Window {
    trustedTypes?: { createPolicy(name: string, rules: { createScriptURL(url: string): string }): Policy };
  }
}

const rules = {
  createScriptURL(url: string): string {
    const { href, origin } = new URL(url, location.href);
    if (origin !== location.origin) throw new Error(`a script of another origin: ${origin}`);
    return href;
  },
};

const policy: Policy = window.trustedTypes?.createPolicy('causeway', rules) ?? rules;

/** @throws when the address is not of this origin. */
export const scriptUrl = (url: string): string => policy.createScriptURL(url) as string;
