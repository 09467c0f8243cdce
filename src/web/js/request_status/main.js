// @ts-check
// The status of a request for its requester: who has answered when, and the way to each answer. The manage
// token and the private key for the answers are in the fragment; a request of an account needs the key of the
// account instead of the token. Neither is sent, except the token as a header.
import { ApiError, call, explain } from "../common/api.js";
import { $, announce, busy, confirmDialog, h, notice, replace } from "../common/dom.js";
import { showEndCard } from "../common/end_card.js";
import { date, freshOnReturn, root, start, t } from "../common/page.js";
import { getKey, signOut } from "../common/session.js";
import { signInCard } from "../common/sign_in.js";
import { answerList } from "./answers.js";
import { linkLine } from "../common/link.js";
import { fingerprint } from "../crypto/answer_key.js";
import { hasWebCrypto } from "../crypto/engine.js";

/** The parts after the #, also with characters that a mail program has added. */
const TOKEN = /(?<![0-9a-z])([0-9a-f]{64})(?![0-9a-z])/i;
const PRIVATE_KEY = /\.([\w-]{43})(?![\w-])/;
/** The number of answers in one page of the API. */
const PAGE = 50;
/** How often the page looks for new answers while it is in sight. */
const LOOK_MS = 20_000;

const app = $("#app");
const id = location.pathname.split("/").at(-2) ?? "";
const path = `api/public/secret_requests/${id}`;
let shown = "";

start();
freshOnReturn();
window.addEventListener("hashchange", () => load());
load();
setInterval(() => {
  if (shown && document.visibilityState === "visible" && !$("dialog")) load({ quietly: true });
}, LOOK_MS);

function token() {
  return TOKEN.exec(location.hash)?.[1] ?? "";
}

function privateKey() {
  return PRIVATE_KEY.exec(location.hash)?.[1] ?? "";
}

/** @param {{ quietly?: boolean }} options */
async function load({ quietly = false } = {}) {
  if (!token() && history.state?.over) return showGone();
  if (!token() && !getKey()) return askForKey();
  try {
    const request = await fetchRequest();
    const found = JSON.stringify(request);
    if (quietly && found === shown) return undefined;
    const isNews = shown !== "" && found !== shown;
    shown = found;
    await show(request, isNews);
  } catch (error) {
    if (quietly && error.status !== 404) return undefined;
    shown = "";
    if (isKeyGone(error)) return askForKey();
    if (error.status === 404) showOver();
    else showError(error);
  }
  return undefined;
}

function askForKey() {
  signOut();
  shown = "";
  replace(app, signInCard({
    title: t("request_status.title"), text: t("request_status.whose"), onSignedIn: () => load(),
  }));
}

/**
 * Whether the key of the account is no longer valid.
 *
 * @param {Error & { status?: number }} error
 */
function isKeyGone(error) {
  return !token() && error instanceof ApiError && [401, 403].includes(error.status);
}

/** The request with all its answers. */
async function fetchRequest() {
  /** @type {RequestStatus | null} */
  let whole = null;
  for (let offset = 0; ; offset += PAGE) {
    const { data } = token()
      ? await call("GET", `${path}/status?offset=${offset}`, { headers: { "Manage-Token": token() } })
      : await call("GET", `api/secret_requests/${id}?offset=${offset}`, { key: getKey() });
    const page = /** @type {RequestStatus} */ (data);
    if (whole) whole.answers.push(...page.answers);
    else whole = page;
    if (offset + PAGE >= page.used) return whole;
  }
}

/**
 * @param {RequestStatus} request
 * @param {boolean} isNews
 */
async function show(request, isNews) {
  const { text, kind, isOpen } = state(request);
  const list = await answerList(request, privateKey());
  const print = request.answer_key && hasWebCrypto() ? await fingerprint(request.answer_key) : "";
  const problem = h("div");
  const heading = h("h1", { tabindex: "-1" }, t("request_status.title"));
  const refresh = h("button", { type: "button", class: "button" }, t("status.refresh"));
  refresh.addEventListener("click", () => busy(refresh, () => load()));
  const remove = h("button", { type: "button", class: "button danger" }, t("status.burn"));
  remove.addEventListener("click", () => busy(remove, () => deleteIt(problem)));
  replace(app, h("div", { class: "card" }, heading,
    h("p", { class: `notice ${kind}` }, text),
    request.message && h("blockquote", { class: "pre asked", dir: "auto", translate: "no" }, request.message),
    isOpen && request.expires_at
      && h("p", { class: "muted" }, t("request_status.until", { date: date(request.expires_at) })),
    h("h2", {}, t("request_status.answers")),
    list,
    isOpen && h("h2", {}, t("request_status.link")),
    isOpen && linkLine(`${root}req/${id}${print && `#${print}`}`, { label: t("request_status.link") }),
    problem,
    h("div", { class: "actions" }, refresh, remove)));
  if (isNews) announce(text);
  else heading.focus({ preventScroll: true });
}

/**
 * The status in one sentence.
 *
 * @param {RequestStatus} request
 */
function state({ used, limit, expired, expires_at: end }) {
  if (used >= limit) return { kind: "ok", text: t("request_status.all", { count: limit }), isOpen: false };
  const ended = end ? date(end) : "";
  if (expired && used) return { kind: "warn", text: t("request_status.expired", { date: ended }), isOpen: false };
  if (expired) return { kind: "warn", text: t("request_status.expired_none", { date: ended }), isOpen: false };
  if (used) return { kind: "info", text: t("request_status.some", { count: used, max: limit }), isOpen: true };
  return { kind: "info", text: t("request_status.waiting"), isOpen: true };
}

/** @param {HTMLElement} place */
async function deleteIt(place) {
  const isSure = await confirmDialog({
    title: t("request_status.delete_title"),
    text: t(token() ? "request_status.delete_text" : "request_status.delete_text_account"),
    yes: t("status.burn"),
  });
  if (!isSure) return;
  try {
    if (token()) await call("DELETE", path, { headers: { "Manage-Token": token() } });
    else await call("DELETE", `api/secret_requests/${id}`, { key: getKey() });
  } catch (error) {
    if (isKeyGone(error)) {
      askForKey();
      return;
    }
    if (error.status !== 404) {
      replace(place, notice("bad", explain(error)));
      return;
    }
  }
  forget();
  card(t("request_status.deleted"), t("request_status.deleted_text"));
}

function showOver() {
  forget();
  showGone();
}

/** Removes token and key, which are of no use any more, from the address bar. */
function forget() {
  shown = "";
  // Relative addresses would start from the <base>.
  if (location.hash) history.replaceState({ over: true }, "", location.pathname + location.search);
}

function showGone() {
  card(t("status.gone"), t("request_status.gone_text"));
}

/** @param {Error & { status?: number }} error */
function showError(error) {
  const again = h("button", { type: "button", class: "button primary" }, t("status.again"));
  again.addEventListener("click", () => busy(again, () => load()));
  card(t("request_status.title"), notice("bad", explain(error)), h("div", { class: "actions" }, again));
}

/**
 * @param {TextLike} title
 * @param {...(Node | TextLike)} content
 */
function card(title, ...content) {
  showEndCard(app, { title, content, home: h("a", { class: "button", href: "ask" }, t("request_status.start")) });
}
