// @ts-check
// Calls with the key that was signed in with. A key that is not known any more signs out, whatever was asked;
// what else goes wrong becomes a sentence where it happened.
import { ApiError, call, explain } from "../common/api.js";
import { notice, replace } from "../common/dom.js";
import { getKey } from "../common/session.js";
import { isKnown } from "../common/sign_in.js";

/** The key is gone, and the page has said so. */
export class SignedOut extends Error {
  name = "SignedOut";
}

let onKeyGone = () => {};

/**
 * What is done when the key turns out to be gone.
 *
 * @param {() => void} action
 */
export function whenKeyGone(action) {
  onKeyGone = action;
}

/**
 * As `call`, as the account that is signed in. Throws SignedOut, too.
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
    // It came for somebody who has left.
    if (getKey() !== key) throw new SignedOut();
    return answer;
  } catch (error) {
    const isRefused = error instanceof ApiError && [401, 403].includes(error.status);
    // The allowance is a 403, too.
    if (!isRefused || await isKnown(key)) throw error;
    return gone(key);
  }
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
 * A sentence about an error, or "" where nothing is to be said; `refused` is what a 403 means here.
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
 * Does `work`; an error is told in `place`. Whether it went well.
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
