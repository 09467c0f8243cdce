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
  // This folder has only our scripts; a worker reads texts, and the root has the worker of the app.
  const folder = new URL(".", import.meta.url).href;
  const workers = ["../common/rendering_worker.js", "../../../../share_worker.js"]
    .map((path) => new URL(path, import.meta.url).href);
  const rules = {
    /** @param {string} url */
    createScriptURL(url) {
      const { href } = new URL(url);
      if (!href.startsWith(folder) && !workers.includes(href)) throw new TypeError("This script is not one of ours.");
      return url;
    },
  };
  return globalThis.trustedTypes?.createPolicy("sealdrop", rules) ?? rules;
}
