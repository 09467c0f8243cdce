// @ts-check
// The private key of an account, for as long as the tab is open: in sessionStorage, never anywhere else.

const NAME = "key";

/** The key that was signed in with, or null. */
export function getKey() {
  try {
    return sessionStorage.getItem(NAME);
  } catch {
    // Storage is switched off: nobody is signed in.
    return null;
  }
}

/**
 * Keeps a key until the tab is closed.
 *
 * @param {string} key
 */
export function setKey(key) {
  sessionStorage.setItem(NAME, key);
}

/** Forgets the key. */
export function signOut() {
  try {
    sessionStorage.removeItem(NAME);
  } catch {
    // There was none.
  }
}
