// @ts-check
// The page of a secret. It requests the description, which spends nothing; the button spends a view; then it
// decrypts, shows and later removes the secret. The other files of this folder are its states.

import { ApiError, call, explain, isLate, Offline } from "../common/api.js";
import { fromBase64, fromUtf8 } from "../crypto/bytes.js";
import { hasWebCrypto } from "../crypto/engine.js";
import { CannotOpen, open, unpack } from "../crypto/secret.js";
import { $, announce, h, replace } from "../common/dom.js";
import { Lease } from "../common/lease.js";
import { fragmentOf, isCut, partsOfAddress } from "../common/link_parts.js";
import { start, t } from "../common/page.js";
import { guardLeaving } from "../common/stakes.js";
import { askPage } from "./ask.js";
import {
  burnedPage, clearedPage, damagedPage, gonePage, leftPage, loadingPage, troublePage,
} from "./ends.js";
import { cutKeyPage, noKeyPage, wrongKeyPage } from "./key.js";
import { secretPage } from "./secret.js";

/** How long the secret stays on a page in the background. */
const AWAY_MS = 5 * 60_000;
/** The timeout for an answer. */
const PATIENCE_MS = 15_000;

const app = $("#app");
// The server sends this page only for an address with an id.
const parts = partsOfAddress(location);
const { id, publicHalf } = /** @type {{ id: string, publicHalf: string | null }} */ (parts);
const lease = new Lease(id);
const path = `api/public/secrets/${id}`;

/**
 * The answer of the server: the ciphertext, the private half in base64, and the sender's message.
 *
 * @typedef {{ ciphertext: string, encoded: string, message: string | null, replyKey: string | null }} Sealed
 */

/** The page with the secret, or null. */
/** @type {ReturnType<typeof secretPage> | null} */
let shown = null;
/** The half in use: from the link, or pasted. */
let half = publicHalf;
/** Whether the user has said that a short key is complete. */
let isWhole = false;
/** The answer that no key has opened yet, or null. */
/** @type {Sealed | null} */
let waiting = null;

start();
show(loadingPage());
// Without WebCrypto a script decrypts; it loads while the user reads.
if (!hasWebCrypto()) import("../vendor/sjcl.js").catch(() => {});
begin();

// Another key in the address reloads the page, unless an answer waits for a key: after the lease it could not
// be fetched again.
addEventListener("hashchange", () => {
  if (!waiting) return location.reload();
  const found = partsOfAddress(location).publicHalf;
  if (!found) return undefined;
  half = found;
  return decrypt(waiting);
});
watchAway();
guardLeaving(() => shown?.isAtStake() ?? false);
lease.whenForgotten(takeAway);

/**
 * Shows a page and moves the focus to its heading.
 *
 * @param {Node} page
 * @param {{ focus?: boolean }} options
 */
function show(page, { focus = true } = {}) {
  replace(app, page);
  // The heading says it now.
  announce("");
  if (focus) $("h1", app)?.focus();
}

function begin() {
  shown = null;
  const over = !half && history.state?.over;
  if (over?.page === "gone") return show(gonePage(over));
  if (over) return show(over.page === "left" ? leftPage() : burnedPage());
  if (!half) return show(noKeyPage({ id, onKey: useKey }), { focus: false });
  // The view is spent, so repeating the request spends nothing.
  return lease.isOpened ? fetchAgain() : look();
}

/** @param {string} found */
function useKey(found) {
  half = found;
  // Relative addresses would start from the <base>.
  history.replaceState(null, "", `${location.pathname}${location.search}#${fragmentOf(found)}`);
}

async function look({ mine = false } = {}) {
  show(loadingPage(), { focus: false });
  let secret;
  try {
    secret = (await call("GET", path)).data;
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) return failed(error, () => look({ mine }));
    // No view is left to spend, but a lost answer can still be fetched.
    return lease.token ? fetchAgain() : end("gone", gonePage({ mine }), { mine });
  }
  const page = askPage(secret, { onOpen: (proofs) => spend(secret, proofs), refuses: refuseCut });
  return show(page, { focus: false });
}

/** Shows the page for a cut key, before it costs a view; true if it does. */
function refuseCut() {
  if (isWhole || !half || !isCut(half)) return false;
  show(cutKeyPage({
    id, half, onKey: useKey,
    onWhole: () => {
      isWhole = true;
      look();
    },
  }));
  return true;
}

/**
 * Requests the secret for a user's click. Throws errors for the page to show.
 *
 * @param {PublicSecret} secret
 * @param {Proofs} proofs
 */
async function spend(secret, proofs) {
  // The user has not interacted with this page: see also ask.js.
  if (navigator.userActivation && !navigator.userActivation.hasBeenActive) return;
  const token = lease.prepare(Math.max(0, secret.views_left - 1));
  let answer;
  try {
    answer = await askForIt({ lease: token, ...proofs });
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
    lease.forget();
    await look();
    return;
  }
  await received(answer.data);
}

/** Requests the secret again after this browser has spent a view. Never spends one. */
async function fetchAgain() {
  show(loadingPage(), { focus: false });
  const mine = lease.isOpened;
  try {
    await received((await askForIt({ lease: lease.token })).data);
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) return failed(error, fetchAgain);
    lease.forget();
    await look({ mine });
  }
}

/**
 * Repeats the request once after a timeout: under the same lease it is not counted twice.
 *
 * @param {Record<string, unknown>} body
 */
async function askForIt(body) {
  const ask = () => call("POST", `${path}/view`, { body, patience: PATIENCE_MS });
  try {
    return await ask();
  } catch (error) {
    if (!isLate(error)) throw error;
    return ask();
  }
}

/**
 * @param {{ ciphertext: string, password_part_private: string, message: string | null,
 *   reply_key: string | null, lease: { seconds_left: number } }} answer
 */
async function received({
  ciphertext, password_part_private: encoded, message, reply_key: replyKey, lease: granted,
}) {
  lease.opened(granted.seconds_left);
  await decrypt({ ciphertext, encoded, message, replyKey });
}

/**
 * Decrypts with the current key, or asks for another one.
 *
 * @param {Sealed} sealed
 */
async function decrypt(sealed) {
  const page = await opened(sealed, /** @type {string} */ (half)).catch((error) => {
    if (error instanceof CannotOpen) return error.reason === "key" ? null : damagedPage();
    const retry = () => decrypt(sealed);
    // Without WebCrypto the error is that the script could not be loaded.
    return hasWebCrypto() ? troublePage({ title: t("view.trouble"), text: explain(error), retry })
      : troublePage({ title: t("view.offline"), text: t("view.offline_again"), retry });
  });
  if (page) return show(page);
  waiting = sealed;
  return show(wrongKeyPage({
    id,
    onKey: async (found) => {
      const next = await opened(sealed, found);
      useKey(found);
      show(next);
    },
  }));
}

/**
 * The page with the secret. Throws CannotOpen.
 *
 * @param {Sealed} sealed
 * @param {string} publicPart
 */
async function opened({ ciphertext, encoded, message, replyKey }, publicPart) {
  const content = unpack(await open(privateHalf(encoded) + publicPart, ciphertext));
  waiting = null;
  const reply = replyKey ? await replyTo(replyKey, content.reply) : null;
  shown = secretPage({ id, content, message, lease, reply, onBurn: burn, getViewsLeft });
  return shown.node;
}

/**
 * The part of the page for a reply. Loaded on demand: most secrets allow none. Without it the secret is shown
 * all the same.
 *
 * @param {string} key
 * @param {string} print the fingerprint of the key, from the content
 */
async function replyTo(key, print) {
  try {
    const { replyPart } = await import("./reply.js");
    return await replyPart({ id, token: lease.token, key, print });
  } catch {
    return null;
  }
}

/** @param {string} encoded */
function privateHalf(encoded) {
  try {
    return fromUtf8(fromBase64(encoded));
  } catch (error) {
    throw new CannotOpen("damaged", error.message);
  }
}

/** How many views others have left. Spends none. */
async function getViewsLeft() {
  try {
    return (await call("GET", path, { patience: PATIENCE_MS })).data.views_left;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return 0;
    throw error;
  }
}

/**
 * Deletes the secret. `viewsLeft` is what others have. Throws errors for the page to show.
 *
 * @param {number} viewsLeft
 */
async function burn(viewsLeft) {
  try {
    await call("POST", `${path}/burn`, { body: { lease: lease.token } });
  } catch (error) {
    // The lease is over, so the server has already deleted it.
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  }
  wipe();
  lease.forget();
  if (viewsLeft > 0) end("left", leftPage());
  else end("burned", burnedPage());
}

/**
 * Shows the last page. The key is of no use any more and is removed from the address bar; a reload shows the
 * same page.
 *
 * @param {string} page
 * @param {Node} node
 * @param {Record<string, unknown>} more
 */
function end(page, node, more = {}) {
  half = null;
  // Relative addresses would start from the <base>.
  history.replaceState({ over: { page, ...more } }, "", `${location.pathname}${location.search}`);
  show(node);
}

/**
 * @param {Error} error
 * @param {() => void} retry
 */
function failed(error, retry) {
  const title = t(error instanceof Offline ? "view.offline" : "view.trouble");
  const offline = t(lease.token ? "view.offline_again" : "view.offline_text");
  show(troublePage({ title, text: error instanceof Offline ? offline : explain(error), retry }));
}

function wipe() {
  shown?.wipe();
  if (shown) announce("");
  shown = null;
}

/** Removes the secret after a time in the background, and before the browser stores the page. */
function watchAway() {
  /** @type {number | null} */
  let since = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const check = () => {
    if (since === null || Date.now() - since < AWAY_MS || !shown) return;
    // The page waits until a file is saved.
    if (shown.isBusy()) timer = setTimeout(check, 60_000);
    else clear();
  };
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (document.visibilityState === "hidden") {
      since = Date.now();
      timer = setTimeout(check, AWAY_MS);
    } else {
      // Phones stop timers, so this also checks on return.
      check();
      since = null;
    }
  });
  let wasShown = false;
  addEventListener("pagehide", () => {
    wasShown = shown !== null;
    wipe();
    if (wasShown) replace(app, h("p", {}, t("view.loading")));
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted && wasShown) begin();
  });
}

/** Another tab has ended the lease. If the server confirms it, this tab removes the secret as well. */
async function takeAway() {
  if (!shown && !waiting) return;
  try {
    const { data } = await askForIt({ lease: lease.token });
    lease.opened(data.lease.seconds_left);
  } catch (error) {
    // Without a connection the answer is unknown, and the secret stays.
    if (!(error instanceof ApiError && error.status === 404)) return;
    lease.forget();
    waiting = null;
    wipe();
    await look({ mine: true });
  }
}

function clear() {
  wipe();
  show(clearedPage({ lease, onAgain: begin, onLook: look }));
}
