// @ts-check
// What this browser knows of the secret that it may fetch again: the token of the lease, made before the
// view is spent, so that a lost answer, a reload or another tab asks for the same again. Never the key, nor
// what it opens.
//
// A tab keeps it in its own storage; all tabs share a copy, which goes when the lease ends
// (docs/view-page.md).

import { leaseToken } from "../crypto/random.js";

/** How long tabs share a token whose answer has not come. */
const UNOPENED_MS = 10 * 60_000;
/** No lease is longer: an end beyond that was told by a clock that has been put right since. */
const LONGEST_MS = 25 * 3_600_000;
/** What begins the names in the storages. */
const PREFIX = "lease:";

// Where a browser keeps nothing, the page alone does.
/** @type {Map<string, LeaseState>} */
const memory = new Map();

/**
 * What the storages keep of a lease; `until` is in milliseconds.
 *
 * @typedef {{ token: string, opened: boolean, viewsLeft: number | null, until: number }} LeaseState
 */

/** The lease of one secret in this browser. */
export class Lease {
  #name;
  /** @type {LeaseState | null} */
  #state;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {string} id */
  constructor(id) {
    forgetEnded();
    this.#name = PREFIX + id;
    this.#state = read(sessionStorageOrNull(), this.#name) ?? memory.get(this.#name) ?? this.#shared();
    this.#forgetAtEnd();
  }

  /** The token, if there is one. */
  get token() {
    return this.#state?.token ?? null;
  }

  /** Whether an answer came for it: then asking again never spends a view. */
  get isOpened() {
    return this.#state?.opened === true;
  }

  /** Whether other tabs know it. */
  get isShared() {
    return this.token !== null && this.#shared()?.token === this.token;
  }

  /** How many views were left afterwards; null if that is not known. */
  get viewsLeft() {
    return this.#state?.viewsLeft ?? null;
  }

  /** How many more seconds it lives, as far as this device's clock can tell. */
  get secondsLeft() {
    if (!this.#state?.opened) return 0;
    return Math.max(0, Math.ceil((this.#state.until - Date.now()) / 1000));
  }

  /**
   * Makes a token, unless this tab or another one has one. Call it before the view is asked for.
   *
   * @param {number} viewsLeft
   * @returns {string}
   */
  prepare(viewsLeft) {
    const shared = this.#shared();
    if (shared && (shared.opened || !this.token)) this.#state = shared;
    if (this.token) return this.token;
    const token = leaseToken();
    this.#write({ token, opened: false, viewsLeft, until: Date.now() + UNOPENED_MS });
    return token;
  }

  /**
   * The answer came.
   *
   * @param {number} secondsLeft
   */
  opened(secondsLeft) {
    if (this.#state) this.#write({ ...this.#state, opened: true, until: Date.now() + secondsLeft * 1000 });
  }

  /**
   * It does not live longer than so many seconds from now.
   *
   * @param {number} secondsLeft
   */
  shorten(secondsLeft) {
    const until = Math.min(this.#state?.until ?? 0, Date.now() + secondsLeft * 1000);
    if (this.#state) this.#write({ ...this.#state, until });
  }

  /** It is over. */
  forget() {
    if (this.isShared) remove(localStorageOrNull(), this.#name);
    this.#drop();
  }

  /**
   * `action()` is called when another tab has deleted the secret, or given the lease back, as it seems.
   *
   * @param {() => void} action
   */
  whenForgotten(action) {
    addEventListener("storage", ({ key, newValue, storageArea }) => {
      const isThis = storageArea === localStorageOrNull() && key === this.#name;
      // At its end, it goes by itself.
      if (isThis && newValue === null && this.secondsLeft > 1) action();
    });
  }

  #shared() {
    const state = read(localStorageOrNull(), this.#name);
    return state && !isEnded(state) ? state : null;
  }

  /** @param {LeaseState} state */
  #write(state) {
    this.#state = state;
    memory.set(this.#name, state);
    for (const storage of [sessionStorageOrNull(), localStorageOrNull()]) {
      try {
        storage?.setItem(this.#name, JSON.stringify(state));
      } catch {
        // It is full.
      }
    }
    this.#forgetAtEnd();
  }

  #drop() {
    clearTimeout(this.#timer);
    this.#state = null;
    memory.delete(this.#name);
    remove(sessionStorageOrNull(), this.#name);
  }

  #forgetAtEnd() {
    clearTimeout(this.#timer);
    const left = (this.#state?.until ?? 0) - Date.now();
    if (left > 0) this.#timer = setTimeout(forgetEnded, Math.min(left, LONGEST_MS) + 100);
  }
}

/** Takes away what tabs share of leases that are over. */
export function forgetEnded() {
  const storage = localStorageOrNull();
  for (const name of Object.keys(storage ?? {})) {
    if (!name.startsWith(PREFIX)) continue;
    const state = read(storage, name);
    if (!state || isEnded(state)) remove(storage, name);
  }
}

/** @param {{ until: number }} options */
function isEnded({ until }) {
  const left = until - Date.now();
  return !(left > 0 && left <= LONGEST_MS);
}

/**
 * @param {Storage | null} storage
 * @param {string} name
 * @returns {LeaseState | null}
 */
function read(storage, name) {
  try {
    const state = JSON.parse(storage?.getItem(name) ?? "null");
    if (typeof state?.token === "string") return state;
  } catch {
    // It holds something else.
  }
  return null;
}

/**
 * @param {Storage | null} storage
 * @param {string} name
 */
function remove(storage, name) {
  try {
    storage?.removeItem(name);
  } catch {
    // It can not be written.
  }
}

/** Null where storage is switched off. */
function sessionStorageOrNull() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}

function localStorageOrNull() {
  try {
    return localStorage;
  } catch {
    return null;
  }
}
