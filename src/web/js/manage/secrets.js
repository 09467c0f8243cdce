// @ts-check
// The secrets of an account: their status, and deletion.
import { ApiError } from "../common/api.js";
import { busy, confirmDialog, h } from "../common/dom.js";
import { viewLog } from "../common/log.js";
import { joined } from "../common/live.js";
import { ask, attempt } from "./call.js";
import { called, facts, nameOf, written } from "./facts.js";
import { pagedList, pagesOf } from "./list.js";
import { timeOrders } from "./orders.js";
import { end, moment } from "./moment.js";
import { lang, t } from "../common/page.js";
import { isOver } from "../common/secret_end.js";

/** The list of secrets, as from `pagedList`. */
export function secretList() {
  /** @type {PagedList} */
  const list = pagedList(/** @type {ListOptions<SentSecret>} */ ({
    title: t("manage.tab_secrets"),
    label: t("manage.search_secrets"),
    hint: t("manage.search_secrets_hint"),
    name: "secrets",
    read: pagesOf("api/secrets", (metadata) => metadata.secrets_total),
    columns: [t("manage.description"), t("manage.state"), t("manage.created"), t("manage.expires")],
    /** @param {SentSecret} secret */
    row: (secret) => {
      const { text, kind } = secretState(secret);
      return {
        name: nameOf(secret),
        cells: [
          called(secret),
          h("span", { class: `badge ${kind}` }, text),
          moment(secret.created_at),
          end(secret.expires_at),
        ],
        texts: [secret.description, secret.message, secret.id, text],
      };
    },
    /** @param {SentSecret} secret */
    details: (secret) => secretDetails(secret, list),
    filters: [
      { label: t("manage.filter_waiting"), fits: (secret) => isLive(secret) && secret.view_times === 0 },
      { label: t("manage.filter_viewed"), fits: (secret) => secret.view_times > 0 },
      { label: t("manage.filter_live"), fits: isLive },
      { label: t("manage.filter_over"), fits: (secret) => !isLive(secret) },
    ],
    orders: [
      ...timeOrders(),
      { label: t("manage.order_named"), compare: (one, other) => nameOf(one).localeCompare(nameOf(other), lang) },
    ],
    exported: ({ id, description, message, created_at, expires_at, max_views, view_times, ...secret }) => ({
      id, description, message, created_at, expires_at, max_views, view_times,
      last_viewed_at: secret.views.at(-1)?.viewed_at ?? null, expired: secret.expired, locked: secret.locked,
      password: secret.password,
    }),
    deletion: {
      remove: removeSecret,
      label: (count) => t("manage.burn_selected", { count }),
      title: (count) => t("manage.burn_selected_title", { count }),
      text: t("manage.burn_selected_text"),
      done: (count) => t("manage.burned_count", { count }),
    },
    empty: () => h("div", { class: "empty" },
      h("h2", {}, t("manage.secrets_empty")),
      h("p", {}, t("manage.secrets_empty_text")),
      h("a", { class: "button primary", href: "./" }, t("manage.secrets_empty_link"))),
  }));
  return list;
}

/**
 * Whether it can be viewed.
 *
 * @param {SentSecret} secret
 */
function isLive({ draft, locked, expired, view_times: times, max_views: max }) {
  return !draft && !locked && !expired && times < max;
}

/**
 * The state of a secret: its text, and the kind of its badge.
 *
 * @param {SentSecret} secret
 */
export function secretState(secret) {
  const { view_times: count, max_views: max } = secret;
  if (secret.draft) return { text: t("manage.state_draft"), kind: "" };
  if (secret.locked) return { text: t("manage.state_locked"), kind: "bad" };
  if (count >= max) return { text: t("manage.state_used_up"), kind: "" };
  if (secret.expired) return { text: t("manage.state_expired"), kind: "" };
  if (count) return { text: t("manage.state_viewed", { count, max }), kind: "warn" };
  return { text: t("manage.state_waiting"), kind: "ok" };
}

/**
 * @param {SentSecret} secret
 * @param {PagedList} list
 */
function secretDetails(secret, list) {
  const problem = h("div", {});
  const words = isOver(secret)
    ? {
      label: t("manage.clear"), title: t("manage.clear_title"), text: t("manage.clear_text"),
      done: t("manage.cleared"),
    }
    : {
      label: t("manage.burn"), title: t("manage.burn_title"), text: t("manage.burn_text"),
      done: t("manage.burned"),
    };
  const burn = h("button", { type: "button", class: "button danger" }, words.label);
  burn.addEventListener("click", async () => {
    const isSure = await confirmDialog({ title: words.title, text: words.text, yes: words.label });
    if (!isSure) return;
    await busy(burn, async () => {
      const isDone = await attempt(problem, () => removeSecret(secret.id));
      if (isDone) await list.remove(secret.id, words.done);
    });
  });
  const asked = [
    secret.view_button && t("manage.view_button"), secret.captcha && t("manage.captcha"),
    secret.password && t("manage.password"),
  ].filter(Boolean);
  return h("div", { class: "inner" },
    secret.locked && h("p", {}, t("manage.locked_text")),
    facts(
      [t("manage.description"), written(secret.description)],
      [t("manage.message"), written(secret.message)],
      [t("manage.id"), h("span", { class: "mono", translate: "no" }, secret.id)],
      [t("manage.created"), moment(secret.created_at, { isLong: true })],
      [t("manage.expires"), end(secret.expires_at, { isLong: true })],
      [t("manage.views"), t("manage.used_of", { count: secret.view_times, max: secret.max_views })],
      [t("manage.with"), asked.length > 0 && joined(asked, ", ")],
    ),
    h("h2", {}, t("manage.what_happened")),
    viewLog(secret),
    h("p", { class: "hint" }, t("manage.link_gone")),
    problem,
    h("div", { class: "actions" }, burn));
}

/** @param {string} id */
async function removeSecret(id) {
  try {
    await ask("DELETE", `api/secrets/${encodeURIComponent(id)}`);
  } catch (error) {
    // It is already deleted.
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  }
}
