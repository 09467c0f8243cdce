// @ts-check
// The one Trusted Types policy of these pages. A Content-Security-Policy lets only it name scripts to run.

let policy;

/**
 * The address of a script of ours, for `new Worker()` and the like. Throws for one that comes from elsewhere.
 *
 * @param {string | URL} url
 */
export function scriptUrl(url) {
  policy ??= makePolicy();
  return policy.createScriptURL(String(url));
}

function makePolicy() {
  // Below the folder of this file there are only our scripts.
  const folder = new URL(".", import.meta.url).href;
  const rules = {
    /** @param {string} url */
    createScriptURL(url) {
      if (!new URL(url).href.startsWith(folder)) throw new TypeError("This script is not one of ours.");
      return url;
    },
  };
  return globalThis.trustedTypes?.createPolicy("sealdrop", rules) ?? rules;
}
