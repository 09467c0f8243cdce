// @ts-check
// The only Trusted Types policy of these pages. The Content-Security-Policy lets no other policy name
// scripts.

let policy;

/**
 * The address of one of our scripts, for `new Worker()` and the like. Throws for other addresses.
 *
 * @param {string | URL} url
 */
export function scriptUrl(url) {
  policy ??= makePolicy();
  return policy.createScriptURL(String(url));
}

function makePolicy() {
  // This folder has only our scripts, and the root has the worker of the app.
  const folder = new URL(".", import.meta.url).href;
  const worker = new URL("../../../../share_worker.js", import.meta.url).href;
  const rules = {
    /** @param {string} url */
    createScriptURL(url) {
      const { href } = new URL(url);
      if (!href.startsWith(folder) && href !== worker) throw new TypeError("This script is not one of ours.");
      return url;
    },
  };
  return globalThis.trustedTypes?.createPolicy("sealdrop", rules) ?? rules;
}
