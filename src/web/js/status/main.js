// @ts-check
// The status page for the sender of a secret: views and other events, and deletion. The manage token in the
// fragment, or the key of the account, identifies the sender.
import { ApiError, call, explain } from "../common/api.js";
import { $, announce, busy, confirmDialog, h, notice, replace } from "../common/dom.js";
import { showEndCard } from "../common/end_card.js";
import { viewLog } from "../common/log.js";
import { date, freshOnReturn, start, t } from "../common/page.js";
import { changeForm, isChangeable } from "./change.js";
import { isOver } from "../common/secret_end.js";
import { getKey, signOut } from "../common/session.js";
import { signInCard } from "../common/sign_in.js";
import { replyPart } from "./reply.js";

/** The page size of the list, and how many secrets are searched. */
const [PAGE, MOST] = [50, 5_000];

/** The token after the #, also with characters that a mail program has added. */
const TOKEN = /(?<![0-9a-z])([0-9a-f]{64})(?![0-9a-z])/i;
/** The private key for a reply, behind the token. */
const REPLY_KEY = /\.([\w-]{43})(?![\w-])/;

const app = $("#app");
const id = location.pathname.split("/").at(-1);
let shown = false;

start();
freshOnReturn();
window.addEventListener("hashchange", () => load());
load();

/** The manage token in the address. Anything else, such as the key of a secret, is never sent. */
function token() {
  return TOKEN.exec(location.hash)?.[1] ?? "";
}

function replyKey() {
  return REPLY_KEY.exec(location.hash)?.[1] ?? "";
}

/** @param {TextLike} [news] */
async function load(news) {
  if (!token() && !replyKey() && location.hash.length > 1) return showGone();
  if (!token() && history.state?.over) return showGone();
  if (!token() && !getKey()) return askForKey();
  try {
    const secret = await fetchSecret();
    if (secret) show(secret, await replyPart(secret, replyKey()), news);
    else showOver();
  } catch (error) {
    if (isKeyGone(error)) return askForKey();
    if (error.status === 404) showOver();
    else showError(error);
  }
  return undefined;
}

function askForKey() {
  signOut();
  shown = false;
  replace(app, signInCard({ title: t("status.title"), text: t("status.whose"), onSignedIn: () => load() }));
}

/**
 * Whether the key of the account is no longer valid.
 *
 * @param {Error & { status?: number }} error
 */
function isKeyGone(error) {
  return !token() && error instanceof ApiError && [401, 403].includes(error.status);
}

async function fetchSecret() {
  if (token()) {
    const headers = { "Manage-Token": token() };
    const { data } = await call("GET", `api/public/secrets/${id}/status`, { headers });
    return data;
  }
  for (let offset = 0; offset < MOST; offset += PAGE) {
    const { data } = await call("GET", `api/secrets?offset=${offset}`, { key: getKey() });
    const found = /** @type {SentSecret[]} */ (data).find((secret) => secret.id === id);
    if (found || data.length < PAGE) return found;
  }
  return undefined;
}

/** How the sender calls the server about this secret: with the token, or with the key of the account. */
function asSender() {
  return token() ? { path: `api/public/secrets/${id}`, headers: { "Manage-Token": token() } }
    : { path: `api/secrets/${id}`, key: getKey() };
}

/**
 * `reply` is the part about a reply, `news` is what has just happened.
 *
 * @param {SentSecret} secret
 * @param {Child} reply
 * @param {TextLike} [news]
 */
function show(secret, reply, news) {
  const { text, kind } = state(secret);
  const heading = h("h1", { tabindex: "-1" }, t("status.title"));
  const error = h("div");
  const refresh = h("button", { type: "button", class: "button" }, t("status.refresh"));
  refresh.addEventListener("click", () => busy(refresh, () => load()));
  const burn = h("button", { type: "button", class: "button danger" }, t("status.burn"));
  burn.addEventListener("click", () => busy(burn, () => burnIt(error)));
  /** @param {string} text */
  const written = (text) => h("span", { class: "pre", translate: "no" }, text);
  /**
   * @param {TextLike} name
   * @param {...Child} value
   */
  const row = (name, ...value) => [h("dt", {}, name), h("dd", {}, ...value)];
  replace(app, h("div", { class: "card" }, heading,
    news && notice("ok", news),
    h("p", { class: `notice ${kind}` }, text),
    h("dl", {},
      secret.description && row(t("status.description"), written(secret.description)),
      secret.message && row(t("status.message"), written(secret.message)),
      row(t("status.created"), date(secret.created_at)),
      row(t("status.expires"), secret.expires_at ? date(secret.expires_at) : t("status.never")),
      row(t("status.views"), t("status.views_of", { count: secret.view_times, max: secret.max_views })),
      secret.password && row(t("status.password"), t("status.password_set"))),
    reply,
    h("h2", {}, t("status.log")),
    viewLog(secret),
    isChangeable(secret) && changeForm(secret, {
      ...asSender(), onChanged: (changed) => {
        show(changed, reply, t("status.saved"));
      }, onTooLate: () => load(t("status.too_late")),
    }),
    error,
    h("div", { class: "actions" }, refresh, !isOver(secret) && burn)));
  if (shown) announce(news ?? text);
  else heading.focus({ preventScroll: true });
  shown = true;
}

/**
 * The status in one sentence.
 *
 * @param {SentSecret} secret
 */
function state({ view_times: times, max_views: max, expired, locked, views, expires_at: end }) {
  const last = views.at(-1);
  const when = last ? date(last.viewed_at) : "";
  const ended = end ? date(end) : "";
  if (locked) return { kind: "bad", text: t("status.locked") };
  if (times >= max) return { kind: "ok", text: t("status.all_viewed", { count: max, date: when }) };
  if (expired && times) return { kind: "warn", text: t("status.expired", { date: ended }) };
  if (expired) return { kind: "warn", text: t("status.expired_unseen", { date: ended }) };
  if (times) return { kind: "info", text: t("status.viewed", { count: times, date: when }) };
  return { kind: "info", text: t("status.unseen") };
}

/** @param {HTMLElement} place */
async function burnIt(place) {
  const isSure = await confirmDialog({
    title: t("status.burn_title"), text: t("status.burn_text"), yes: t("status.burn"),
  });
  if (!isSure) return;
  try {
    const { path, ...rights } = asSender();
    await call("DELETE", path, rights);
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
  forgetToken();
  card(t("status.burned"), t("status.burned_text"));
}

function showOver() {
  forgetToken();
  showGone();
}

/** Removes the token, which is of no use any more, from the address bar; a reload then finds nothing. */
function forgetToken() {
  // Relative addresses would start from the <base>.
  if (token()) history.replaceState({ over: true }, "", location.pathname + location.search);
}

function showGone() {
  card(t("status.gone"), t("status.gone_text"));
}

/** @param {Error & { status?: number }} error */
function showError(error) {
  const again = h("button", { type: "button", class: "button primary" }, t("status.again"));
  again.addEventListener("click", () => busy(again, () => load()));
  card(t("status.title"), notice("bad", explain(error)), h("div", { class: "actions" }, again));
}

/**
 * @param {TextLike} title
 * @param {...(Node | TextLike)} content
 */
function card(title, ...content) {
  showEndCard(app, { title, content, home: h("a", { class: "button", href: "./" }, t("status.start")) });
}
