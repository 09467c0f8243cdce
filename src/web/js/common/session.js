// @ts-check
// The private key of an account, in sessionStorage until the tab is closed, and nowhere else.

const NAME = "key";

/** The key of the signed-in account, or null. */
export function getKey() {
  try {
    return sessionStorage.getItem(NAME);
  } catch {
    // Storage is switched off, so no account is signed in.
    return null;
  }
}

/**
 * Stores a key until the tab is closed.
 *
 * @param {string} key
 */
export function setKey(key) {
  sessionStorage.setItem(NAME, key);
}

/** Whether the browser can store a key. */
export function canStoreKey() {
  try {
    sessionStorage.setItem("probe", "");
    sessionStorage.removeItem("probe");
    return true;
  } catch {
    return false;
  }
}

/** Removes the key. */
export function signOut() {
  try {
    sessionStorage.removeItem(NAME);
  } catch {
    // There was none.
  }
}
