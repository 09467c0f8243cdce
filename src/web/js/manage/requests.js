// @ts-check
// The requests of an account, with their answers and deletion. request_form.js creates new ones.
import { ApiError } from "../common/api.js";
import { $, busy, confirmDialog, h, replace } from "../common/dom.js";
import { linkLine } from "../common/link.js";
import { ask, attempt } from "./call.js";
import { called, facts, nameOf, written } from "./facts.js";
import { pagedList, pagesOf } from "./list.js";
import { end, moment } from "./moment.js";
import { timeOrders } from "./orders.js";
import { lang, lifetime, root, t } from "../common/page.js";
import { requestForm } from "./request_form.js";

/**
 * `{ node, load() }`; `showSecret(id)` opens a secret that was created through a request.
 *
 * @param {(id: string) => void} showSecret
 */
export function requestsPanel(showSecret) {
  const list = requestList(showSecret);
  const open = h("button", { type: "button", class: "button primary" }, t("manage.new_request"));
  const place = h("div", {});
  const close = () => {
    replace(place);
    open.hidden = false;
  };
  open.addEventListener("click", () => {
    const form = requestForm({
      onMade: async ({ id, request_email: mailedTo }) => {
        replace(place, result(id, mailedTo));
        open.hidden = false;
        $("h2", place).focus();
        await list.load();
      },
      onCancel: () => {
        close();
        open.focus();
      },
    });
    replace(place, form);
    open.hidden = true;
    $("h2", form).focus();
  });
  return {
    node: h("div", {}, h("div", { class: "above" }, open), place, list.node),
    load: list.load,
  };
}

/** @param {string} id */
function requestLink(id) {
  return `${root}req/${id}`;
}

/**
 * @param {string} id
 * @param {string | undefined} mailedTo
 */
function result(id, mailedTo) {
  return h("section", { class: "card made" },
    h("h2", { tabindex: "-1" }, t("manage.request_ready")),
    mailedTo
      ? h("p", {}, t("manage.mailed", { email: mailedTo }))
      : h("p", {}, t("manage.request_ready_text")),
    linkLine(requestLink(id), { label: t("manage.link"), primary: !mailedTo }));
}

/** @param {(id: string) => void} showSecret */
function requestList(showSecret) {
  /** @type {PagedList} */
  const list = pagedList(/** @type {ListOptions<SecretRequest>} */ ({
    title: t("manage.tab_requests"),
    label: t("manage.search_requests"),
    hint: t("manage.search_requests_hint"),
    name: "secret_requests",
    read: pagesOf("api/secret_requests", (metadata) => metadata.secret_requests_total),
    columns: [t("manage.description"), t("manage.state"), t("manage.created"), t("manage.expires")],
    /** @param {SecretRequest} request */
    row: (request) => {
      const { text, kind } = requestState(request);
      return {
        name: nameOf(request),
        cells: [
          called(request),
          h("span", { class: `badge ${kind}` }, text),
          moment(request.created_at),
          end(request.expires_at),
        ],
        texts: [request.description, request.message, request.id, request.send_to_email, text],
      };
    },
    /** @param {SecretRequest} request */
    details: (request) => requestDetails(request, list, showSecret),
    filters: [
      { label: t("manage.filter_open"), fits: isOpen },
      { label: t("manage.filter_answered"), fits: (request) => request.used > 0 },
      { label: t("manage.filter_over"), fits: (request) => !isOpen(request) },
    ],
    orders: [
      ...timeOrders(),
      { label: t("manage.order_named"), compare: (one, other) => nameOf(one).localeCompare(nameOf(other), lang) },
    ],
    exported: ({ id, description, message, created_at, expires_at, limit, used, expired, secrets, ...request }) => ({
      id, description, message, created_at, expires_at, limit, used, expired,
      send_to_email: request.send_to_email, secret_description: request.secret_description,
      secret_max_views: request.secret_max_views, secret_password: request.secret_password,
      secrets: secrets.join(" "),
    }),
    deletion: {
      remove: removeRequest,
      label: (count) => t("manage.delete_selected", { count }),
      title: (count) => t("manage.delete_selected_title", { count }),
      text: t("manage.delete_selected_text"),
      done: (count) => t("manage.deleted_count", { count }),
    },
    empty: () => h("div", { class: "empty" },
      h("h2", {}, t("manage.requests_empty")),
      h("p", {}, t("manage.requests_empty_text"))),
  }));
  return list;
}

/**
 * Whether it can be answered.
 *
 * @param {SecretRequest} request
 */
function isOpen({ used, limit, expired }) {
  return used < limit && !expired;
}

/** @param {SecretRequest} request */
function requestState({ used, limit, expired }) {
  if (used >= limit) return { text: t("manage.state_used_up"), kind: "" };
  if (expired) return { text: t("manage.state_expired"), kind: "" };
  if (used) return { text: t("manage.state_used", { count: used, max: limit }), kind: "warn" };
  return { text: t("manage.state_open"), kind: "ok" };
}

/**
 * @param {SecretRequest} request
 * @param {PagedList} list
 * @param {(id: string) => void} showSecret
 */
function requestDetails(request, list, showSecret) {
  const problem = h("div", {});
  const remove = h("button", { type: "button", class: "button danger" }, t("manage.delete"));
  remove.addEventListener("click", async () => {
    const isSure = await confirmDialog({
      title: t("manage.delete_title"), text: t("manage.delete_text"), yes: t("manage.delete"),
    });
    if (!isSure) return;
    await busy(remove, async () => {
      const isDone = await attempt(problem, () => removeRequest(request.id));
      if (isDone) await list.remove(request.id, t("manage.deleted"));
    });
  });
  return h("div", { class: "inner" },
    isOpen(request) && linkLine(requestLink(request.id), { label: t("manage.link") }),
    facts(
      [t("manage.description"), written(request.description)],
      [t("manage.message"), written(request.message)],
      [t("manage.id"), h("span", { class: "mono", translate: "no" }, request.id)],
      [t("manage.created"), moment(request.created_at, { isLong: true })],
      [t("manage.expires"), end(request.expires_at, { isLong: true })],
      [t("manage.used"), t("manage.used_of", { count: request.used, max: request.limit })],
      [t("manage.mail_link"), request.send_to_email],
    ),
    h("h2", {}, t("manage.more")),
    facts(
      [t("manage.secret_description"), written(request.secret_description)],
      [t("manage.secret_message"), written(request.secret_message)],
      [t("manage.secret_expiration"), request.secret_expiration ? lifetime(request.secret_expiration) : null],
      [t("manage.secret_max_views"), String(request.secret_max_views)],
      [t("manage.password"), request.secret_password ? t("manage.password_set") : null],
    ),
    h("h2", {}, t("manage.secrets_made")),
    request.secrets.length
      ? h("ul", { class: "list" }, ...request.secrets.map((id) => h("li", {},
        h("span", { class: "mono grow", translate: "no" }, id),
        h("button", {
          type: "button", class: "button small", "aria-label": t("manage.details_of", { name: id }),
          onclick: () => showSecret(id),
        }, t("manage.details")))))
      : h("p", { class: "muted" }, t("manage.secrets_made_none")),
    problem,
    h("div", { class: "actions" }, remove));
}

/** @param {string} id */
async function removeRequest(id) {
  try {
    await ask("DELETE", `api/secret_requests/${encodeURIComponent(id)}`);
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) throw error;
  }
}
