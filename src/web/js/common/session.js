// @ts-check
// The account that this tab is signed in to: its private key and its name, in sessionStorage until the tab is
// closed, and nowhere else.

const [KEY, NAME] = ["key", "account"];
/** @type {() => void} */
let tell = () => {};

/** The key of the signed-in account, or null. */
export function getKey() {
  return read(KEY);
}

/** The name of the signed-in account, or null if it is unknown. */
export function getAccountName() {
  return getKey() && read(NAME);
}

/**
 * Stores a key until the tab is closed. Without `name`, the name of the account is unknown.
 *
 * @param {string} key
 * @param {string} [name]
 */
export function setKey(key, name) {
  sessionStorage.setItem(KEY, key);
  if (name === undefined) sessionStorage.removeItem(NAME);
  else sessionStorage.setItem(NAME, name);
  tell();
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
    sessionStorage.removeItem(KEY);
    sessionStorage.removeItem(NAME);
  } catch {
    // There was none.
  }
  tell();
}

/**
 * Calls `action()` when somebody signs in or out.
 *
 * @param {() => void} action
 */
export function whenSigned(action) {
  tell = action;
}

/** @param {string} name */
function read(name) {
  try {
    return sessionStorage.getItem(name);
  } catch {
    // Storage is switched off, so no account is signed in.
    return null;
  }
}
