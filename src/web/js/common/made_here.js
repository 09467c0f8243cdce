// @ts-check
// The list "Made on this device": status links of secrets, in localStorage, if the user wants it. It never has
// a secret or its key, so whoever reads it can follow and delete secrets, but not view them.

const NAME = "made";
/** The most entries; older ones are dropped. */
const MOST = 200;
/** How long an entry stays after the end of its secret. */
const KEPT_MS = 30 * 24 * 3_600_000;

/**
 * One secret: its id, the token of its status link, a name that the user gave it ("" for none), when it was
 * made and when it expires (RFC 3339, or null for never).
 *
 * @typedef {{ id: string, token: string, name: string, made: string, expires: string | null }} MadeHere
 */

/** Whether new secrets are kept. */
export function isKeeping() {
  return read().isOn;
}

/** The entries, newest first, without those that ended long ago. */
export function madeHere() {
  return read().list;
}

/**
 * Keeps an entry, and new ones from now on. Returns false if the browser cannot store it.
 *
 * @param {MadeHere} entry
 */
export function keep(entry) {
  const list = read().list.filter(({ id }) => id !== entry.id);
  return write({ isOn: true, list: [entry, ...list].slice(0, MOST) });
}

/**
 * Names an entry.
 *
 * @param {string} id
 * @param {string} name
 */
export function rename(id, name) {
  const { isOn, list } = read();
  write({ isOn, list: list.map((entry) => (entry.id === id ? { ...entry, name } : entry)) });
}

/**
 * Removes an entry; the secret stays.
 *
 * @param {string} id
 */
export function forget(id) {
  const { isOn, list } = read();
  write({ isOn, list: list.filter((entry) => entry.id !== id) });
}

/** Keeps no new ones. The entries stay. */
export function stopKeeping() {
  write({ ...read(), isOn: false });
}

/** Removes all entries, and keeps no new ones. */
export function forgetAll() {
  try {
    localStorage.removeItem(NAME);
  } catch {
    // Storage is switched off, so there is nothing.
  }
}

/** @returns {{ isOn: boolean, list: MadeHere[] }} */
function read() {
  try {
    const { isOn, list } = JSON.parse(localStorage.getItem(NAME) ?? "");
    return { isOn: isOn === true, list: list.filter(isEntry) };
  } catch {
    // There is no list, or something else has written there.
    return { isOn: false, list: [] };
  }
}

/** @param {unknown} value */
function isEntry(value) {
  const { id, token, name, made, expires } = /** @type {Record<string, unknown>} */ (value ?? {});
  return typeof id === "string" && /^[0-9A-Za-z]{31}$/.test(id)
    && typeof token === "string" && /^[0-9a-f]{64}$/.test(token)
    && typeof name === "string" && typeof made === "string" && !Number.isNaN(Date.parse(made))
    && (expires === null || (typeof expires === "string" && Date.now() < Date.parse(expires) + KEPT_MS));
}

/** @param {{ isOn: boolean, list: MadeHere[] }} state */
function write(state) {
  try {
    localStorage.setItem(NAME, JSON.stringify(state));
    return true;
  } catch {
    // Storage is full or switched off.
    return false;
  }
}
