// @ts-check
// The webhooks of an account: the list, a form for new ones with their signing key, and tests.
import { ApiError } from "../common/api.js";
import { busy, confirmDialog, field, h, notice, replace } from "../common/dom.js";
import { joined } from "../common/live.js";
import { ask, attempt } from "./call.js";
import { keyNotice } from "./key_notice.js";
import { facts } from "./facts.js";
import { pagedList } from "./list.js";
import { moment } from "./moment.js";
import { oldestFirst } from "./orders.js";
import { lang, t } from "../common/page.js";
import { focusWrong } from "../common/form.js";

/** The events of webhooks, by their API names. */
const EVENTS = [
  ["secret.viewed", "manage.event_viewed"], ["secret.tried_after", "manage.event_tried"],
  ["secret_request.answered", "manage.event_answered"],
];

/** The card for the webhooks of the account: `{ node, load() }`. */
export function hooksCard() {
  const told = h("div", {});
  /** @type {PagedList} */
  const list = pagedList(/** @type {ListOptions<Webhook>} */ ({
    title: t("manage.hooks"),
    name: "webhooks",
    read: async (_, signal) => {
      const { data: { webhooks } } = await ask("GET", "api/account", { signal });
      return { items: [...webhooks].reverse(), total: webhooks.length, next: null };
    },
    columns: [t("manage.hook_address"), t("manage.hook_calls"), t("manage.created")],
    row: (hook) => ({
      name: hook.url,
      cells: [
        h("span", { class: "mono named", translate: "no" }, hook.url), joined(namesOf(hook.events), ", "),
        moment(hook.created_at),
      ],
      texts: [],
    }),
    details: (hook) => hookDetails(hook, list),
    filters: EVENTS.map(([name, key]) => ({ label: t(key), fits: ({ events }) => events.includes(name) })),
    orders: [
      oldestFirst(),
      { label: t("manage.order_address"), compare: (one, other) => one.url.localeCompare(other.url, lang) },
    ],
    exported: ({ id, url, events, created_at }) => ({ id, url, events: events.join(" "), created_at }),
    empty: () => h("p", { class: "muted" }, t("manage.hook_none")),
  }));
  /** @param {Webhook & { signing_key: string }} made */
  const added = async ({ signing_key: key }) => {
    await list.load();
    const title = h("h3", { tabindex: "-1" }, t("manage.hook_added"));
    replace(told, keyNotice({ title, text: t("manage.hook_key_text"), key, label: t("manage.hook_key") }));
    title.focus();
  };
  const node = h("section", { class: "card hooks" },
    h("h2", {}, t("manage.hooks")), h("p", {}, t("manage.hooks_text")), list.node, told, hookForm(added));
  return { node, load: list.load };
}

/**
 * The names of events; those that the page does not know stay as they are.
 *
 * @param {string[]} events
 */
function namesOf(events) {
  return events.map((event) => {
    const key = EVENTS.find(([name]) => name === event)?.[1];
    return key ? t(key) : event;
  });
}

/**
 * @param {Webhook} hook
 * @param {PagedList} list
 */
function hookDetails(hook, list) {
  const result = h("div", { class: "result" });
  const path = `api/account/webhooks/${encodeURIComponent(hook.id)}`;
  const tryOut = () => attempt(result, async () => {
    const { data } = await ask("POST", `${path}/test`);
    replace(result, data.delivered
      ? notice("ok", t("manage.hook_ok", { status: data.status }))
      : notice("bad", t("manage.hook_failed", { why: data.error })));
  });
  /** @type {HTMLButtonElement} */
  const test = h("button", {
    type: "button", class: "button", "aria-label": t("manage.hook_test_named", { url: hook.url }),
    onclick: () => busy(test, tryOut),
  }, t("manage.hook_test"));
  const remove = h("button", {
    type: "button", class: "button danger",
    "aria-label": t("manage.hook_remove_named", { url: hook.url }),
  }, t("manage.hook_remove"));
  remove.addEventListener("click", async () => {
    const isSure = await confirmDialog({
      title: t("manage.hook_remove_title"), text: t("manage.hook_remove_text"), yes: t("manage.hook_remove"),
    });
    if (!isSure) return;
    await busy(remove, async () => {
      const isDone = await attempt(result, async () => {
        try {
          await ask("DELETE", path);
        } catch (error) {
          if (!(error instanceof ApiError && error.status === 404)) throw error;
        }
      });
      if (isDone) await list.remove(hook.id, t("manage.hook_deleted"));
    });
  });
  return h("div", { class: "inner" },
    facts(
      [t("manage.hook_address"), h("span", { class: "mono", translate: "no" }, hook.url)],
      [t("manage.id"), h("span", { class: "mono", translate: "no" }, hook.id)],
      [t("manage.hook_calls"), joined(namesOf(hook.events), ", ")],
      [t("manage.created"), moment(hook.created_at, { isLong: true })],
    ),
    result, h("div", { class: "actions" }, test, remove));
}

/** @param {(hook: Webhook & { signing_key: string }) => Promise<void>} onAdded */
function hookForm(onAdded) {
  const url = field(t("manage.hook_url"), h("input", {
    type: "url", inputmode: "url", autocomplete: "off", autocapitalize: "none", spellcheck: "false",
    maxlength: 2000,
  }), t("manage.hook_url_hint"));
  const boxes = EVENTS.map(([name, key]) => ({
    key,
    box: h("input", {
      type: "checkbox", value: name, checked: true, autocomplete: "off",
      "aria-describedby": "hook-events-error",
    }),
  }));
  const wrong = h("p", { class: "error", id: "hook-events-error", hidden: true },
    t("manage.hook_events_none"));
  const problem = h("div", {});
  const submit = h("button", { type: "submit", class: "button primary" }, t("manage.add_hook"));
  /** @param {HTMLElement} form */
  const add = async (form) => {
    const events = boxes.filter(({ box }) => box.checked).map(({ box }) => box.value);
    const value = url.control.value.trim();
    url.setError(urlProblem(value));
    wrong.hidden = events.length > 0;
    if (urlProblem(value)) return focusWrong(form);
    if (!events.length) return boxes[0].box.focus();
    await attempt(problem, async () => {
      try {
        const { data } = await ask("POST", "api/account/webhooks", { body: { url: value, events } });
        url.control.value = "";
        await onAdded(data);
      } catch (error) {
        if (!(error instanceof ApiError && error.field === "url")) throw error;
        url.setError(refusedUrl(error.message));
        focusWrong(form);
      }
    }, t("manage.hook_full"));
    return undefined;
  };
  return h("form", {
    class: "add-hook", novalidate: true, autocomplete: "off", onsubmit: (event) => {
      event.preventDefault();
      busy(submit, () => add(event.target));
    },
  }, h("h3", {}, t("manage.add_hook")), url.node,
  h("fieldset", {}, h("legend", {}, t("manage.hook_events")),
    ...boxes.map(({ key, box }) => h("label", { class: "check" }, box, t(key))), wrong),
  problem,
  h("div", { class: "actions" }, submit));
}

/**
 * What is wrong with an address, as far as a browser can tell; "" if nothing is.
 *
 * @param {string} text
 */
function urlProblem(text) {
  if (!text) return t("manage.hook_url_blank");
  let url;
  try {
    url = new URL(text);
  } catch {
    return t("manage.hook_url_wrong");
  }
  if (!["http:", "https:"].includes(url.protocol)) return t("manage.hook_url_wrong");
  return url.username || url.password || url.hash ? t("manage.hook_url_parts") : "";
}

/**
 * The message for an address that the server refused.
 *
 * @param {string} message
 */
function refusedUrl(message) {
  if (/leads nowhere/.test(message)) return t("manage.hook_url_private");
  return t(/2000 characters/.test(message) ? "manage.hook_url_long" : "manage.hook_url_wrong");
}
