// @ts-check
// The status page for the sender of a secret: views and other events, and deletion. The manage token in the
// fragment, or the key of the account, identifies the sender.
import { call } from "../common/api.js";
import { announce, h, notice, replace } from "../common/dom.js";
import { viewLog } from "../common/log.js";
import { date, freshOnReturn, start, t } from "../common/page.js";
import { isOver } from "../common/secret_end.js";
import { getKey } from "../common/session.js";
import { manageToken, privateKey, statusPage } from "../common/status_page.js";
import { changeForm, isChangeable } from "./change.js";
import { replyPart, replyPrint } from "./reply.js";

/** How many pages of the list are searched: 5,000 secrets. */
const MOST_PAGES = 100;

const id = location.pathname.split("/").at(-1) ?? "";
let shown = false;
const page = statusPage({
  path: "secrets", id, title: t("status.title"), whose: t("status.whose"), gone: t("status.gone_text"),
  home: { href: "./", text: t("status.start") }, load: () => load(), onGone: () => { shown = false; },
});

start();
freshOnReturn();
window.addEventListener("hashchange", () => load());
load();

/** @param {TextLike} [news] */
async function load(news) {
  if (!manageToken() && !privateKey() && location.hash.length > 1) return page.showGone();
  if (page.isForgotten()) return page.showGone();
  if (!manageToken() && !getKey()) return page.askForKey();
  try {
    const secret = await fetchSecret();
    if (secret) show(secret, await replyPart(secret, privateKey()), news);
    else page.showOver();
  } catch (error) {
    page.showError(error);
  }
  return undefined;
}

/** @returns {Promise<SentSecret | undefined>} */
async function fetchSecret() {
  if (manageToken()) {
    const { path, ...rights } = page.asOwner();
    return (await call("GET", `${path}/status`, rights)).data;
  }
  let query = "";
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    const { data, next_cursor: next } = await call("GET", `api/secrets${query}`, { key: getKey() });
    const found = /** @type {SentSecret[]} */ (data).find((secret) => secret.id === id);
    if (found || next === null) return found;
    query = `?cursor=${encodeURIComponent(next)}`;
  }
  return undefined;
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
  /** @param {string} text */
  const written = (text) => h("span", { class: "pre", translate: "no" }, text);
  /**
   * @param {TextLike} name
   * @param {...Child} value
   */
  const row = (name, ...value) => [h("dt", {}, name), h("dd", {}, ...value)];
  replace(page.app, h("div", { class: "card" }, heading,
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
      ...page.asOwner(), replyPrint: () => replyPrint(secret, privateKey()), onChanged: (changed) => {
        show(changed, reply, t("status.saved"));
      }, onTooLate: () => load(t("status.too_late")),
    }),
    page.actions({
      question: { title: t("status.burn_title"), text: t("status.burn_text") },
      done: { title: t("status.burned"), text: t("status.burned_text") }, isDeletable: !isOver(secret),
    })));
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
