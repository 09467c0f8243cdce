// @ts-check
// What this browser stores about the lease of a secret: its token, created before the view is spent, so that
// a lost answer, a reload or another tab requests the same lease again. It stores neither the key nor the
// content. Each tab has its own storage; all tabs share a copy until the lease ends (docs/view-page.md).

import { leaseToken } from "../crypto/random.js";

/** How long tabs share a token without an answer. */
const UNOPENED_MS = 10 * 60_000;
/** The longest lease; a later end comes from a clock that was corrected since. */
const LONGEST_MS = 25 * 3_600_000;
/** The prefix of the names in the storages. */
const PREFIX = "lease:";

// Without storage, only this page knows the lease.
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

  /** Whether an answer came: repeating the request then spends no view. */
  get isOpened() {
    return this.#state?.opened === true;
  }

  /** Whether other tabs know it. */
  get isShared() {
    return this.token !== null && this.#shared()?.token === this.token;
  }

  /** How many views were left afterwards; null if unknown. */
  get viewsLeft() {
    return this.#state?.viewsLeft ?? null;
  }

  /** How many seconds remain, by the clock of this device. */
  get secondsLeft() {
    if (!this.#state?.opened) return 0;
    return Math.max(0, Math.ceil((this.#state.until - Date.now()) / 1000));
  }

  /**
   * Creates a token, unless this tab or another one has one. Call it before requesting the view.
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
   * Notes that the answer came.
   *
   * @param {number} secondsLeft
   */
  opened(secondsLeft) {
    if (this.#state) this.#write({ ...this.#state, opened: true, until: Date.now() + secondsLeft * 1000 });
  }

  /**
   * Limits the remaining time to this many seconds.
   *
   * @param {number} secondsLeft
   */
  shorten(secondsLeft) {
    const until = Math.min(this.#state?.until ?? 0, Date.now() + secondsLeft * 1000);
    if (this.#state) this.#write({ ...this.#state, until });
  }

  /** Removes the lease. */
  forget() {
    if (this.isShared) remove(localStorageOrNull(), this.#name);
    this.#drop();
  }

  /**
   * Calls `action()` when another tab seems to have deleted the secret or returned the lease.
   *
   * @param {() => void} action
   */
  whenForgotten(action) {
    addEventListener("storage", ({ key, newValue, storageArea }) => {
      const isThis = storageArea === localStorageOrNull() && key === this.#name;
      // At its end, the entry is removed anyway.
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
        // The storage is full.
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

/** Removes shared leases that have ended. */
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
    // The entry is something else.
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
    // The storage cannot be written.
  }
}

/** Null if storage is switched off. */
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
