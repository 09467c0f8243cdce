// What this tab knows of the secret that it may fetch again: the token of the lease, made before the view is
// spent, so that a lost answer or a reload asks for the same again. Kept in the tab only, never the key.

import { leaseToken } from "./crypto/random.js";

// Where a browser keeps nothing, the page alone does.
const memory = new Map();

/** The lease of one secret in this tab. */
export class Lease {
  #name;
  #state;

  constructor(id) {
    this.#name = `lease:${id}`;
    this.#state = read(this.#name);
  }

  /** The token, if there is one. */
  get token() {
    return this.#state?.token ?? null;
  }

  /** Whether an answer came for it: then asking again never spends a view. */
  get isOpened() {
    return this.#state?.opened === true;
  }

  /** How many views were left afterwards; null if that is not known. */
  get viewsLeft() {
    return this.#state?.viewsLeft ?? null;
  }

  /** How many more seconds it lives, as far as this device's clock can tell. */
  get secondsLeft() {
    return Math.max(0, Math.ceil(((this.#state?.until ?? 0) - Date.now()) / 1000));
  }

  /** Makes a token, unless there is one. Call it before the view is asked for. */
  prepare(viewsLeft) {
    if (!this.token) this.#write({ token: leaseToken(), opened: false, viewsLeft });
    return this.token;
  }

  /** The answer came. */
  opened(secondsLeft) {
    this.#write({ ...this.#state, opened: true, until: Date.now() + secondsLeft * 1000 });
  }

  /** It does not live longer than so many seconds from now. */
  shorten(secondsLeft) {
    const until = Math.min(this.#state?.until ?? 0, Date.now() + secondsLeft * 1000);
    this.#write({ ...this.#state, until });
  }

  /** It is over. */
  forget() {
    this.#write(null);
  }

  #write(state) {
    this.#state = state;
    memory.set(this.#name, state);
    try {
      if (state) sessionStorage.setItem(this.#name, JSON.stringify(state));
      else sessionStorage.removeItem(this.#name);
    } catch {
      // Storage is off or full.
    }
  }
}

function read(name) {
  try {
    const state = JSON.parse(sessionStorage.getItem(name));
    if (typeof state?.token === "string") return state;
  } catch {
    // Storage is off, or holds something else.
  }
  return memory.get(name) ?? null;
}
