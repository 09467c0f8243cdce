// @ts-check
// Calls with the key of the signed-in account. An invalid key signs out; other errors become a message in
// place.
import { ApiError, call, explain } from "../common/api.js";
import { notice, replace } from "../common/dom.js";
import { getKey } from "../common/session.js";
import { isKnown } from "../common/sign_in.js";

/** The key is invalid, and the page has said so. */
export class SignedOut extends Error {
  name = "SignedOut";
}

let onKeyGone = () => {};

/**
 * Sets the action for an invalid key.
 *
 * @param {() => void} action
 */
export function whenKeyGone(action) {
  onKeyGone = action;
}

/**
 * As `call`, for the signed-in account. Also throws SignedOut.
 *
 * @param {string} method
 * @param {string} path
 * @param {Parameters<typeof call>[2]} options
 */
export async function ask(method, path, options = {}) {
  const key = getKey();
  if (!key) return gone(key);
  try {
    const answer = await call(method, path, { ...options, key });
    // The user has signed out since the request.
    if (getKey() !== key) throw new SignedOut();
    return answer;
  } catch (error) {
    const isRefused = error instanceof ApiError && [401, 403].includes(error.status);
    // A used-up allowance is also a 403.
    if (!isRefused || await isKnown(key)) throw error;
    return gone(key);
  }
}

/** The key of the signed-in account has been revoked by this page. */
export function keyIsGone() {
  onKeyGone();
}

/**
 * @param {string | null} key
 * @returns {never}
 */
function gone(key) {
  if (getKey() === key) onKeyGone();
  throw new SignedOut();
}

/**
 * The message for an error, or "" if there is none to show; `refused` is the message for a 403.
 *
 * @param {Error} error
 * @param {TextLike} [refused]
 */
export function sentence(error, refused) {
  if (error instanceof SignedOut || error.name === "AbortError") return "";
  if (refused && error instanceof ApiError && error.status === 403) return refused;
  return explain(error);
}

/**
 * Runs `work` and shows an error in `place`. Returns whether it succeeded.
 *
 * @param {HTMLElement} place
 * @param {() => Promise<unknown>} work
 * @param {TextLike} [refused]
 */
export async function attempt(place, work, refused) {
  replace(place);
  try {
    await work();
    return true;
  } catch (error) {
    const text = sentence(error, refused);
    if (text) replace(place, notice("bad", text));
    return false;
  }
}
