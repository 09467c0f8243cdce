// @ts-check
// The webhooks of an account: the list, a form for new ones with their signing key, and tests.
import { ApiError } from "../common/api.js";
import { busy, confirmDialog, field, h, notice, replace } from "../common/dom.js";
import { copyLine } from "../common/link.js";
import { joined } from "../common/live.js";
import { ask, attempt } from "./call.js";
import { moment } from "./moment.js";
import { t } from "../common/page.js";
import { focusWrong } from "../common/form.js";
import { guardWhileShown } from "../common/stakes.js";

/** The events of webhooks, by their API names. */
const EVENTS = [
  ["secret.viewed", "manage.event_viewed"], ["secret.tried_after", "manage.event_tried"],
  ["secret_request.answered", "manage.event_answered"],
];

/**
 * The card for webhooks; `webhooks` are those of the account.
 *
 * @param {Webhook[]} webhooks
 */
export function hooksCard(webhooks) {
  const list = h("ul", { class: "list hooks" });
  const none = h("p", { class: "muted" }, t("manage.hook_none"));
  const told = h("div", {});
  const show = () => {
    replace(list, ...webhooks.map((hook) => hookItem(hook, () => removed(hook))));
    list.hidden = !webhooks.length;
    none.hidden = webhooks.length > 0;
  };
  /** @param {Webhook} hook */
  const removed = (hook) => {
    webhooks = webhooks.filter(({ id }) => id !== hook.id);
    show();
    replace(told, notice("ok", t("manage.hook_deleted")));
    heading.focus();
  };
  /** @param {Webhook & { signing_key: string }} made */
  const added = ({ signing_key: key, ...hook }) => {
    webhooks = [...webhooks, hook];
    show();
    const title = h("h3", { tabindex: "-1" }, t("manage.hook_added"));
    let isCopied = false;
    const shown = h("div", { class: "notice" }, title,
      h("p", {}, t("manage.hook_key_text")),
      copyLine(key, t("manage.hook_key"), { onCopied: () => { isCopied = true; } }));
    // The key is shown only once.
    replace(told, guardWhileShown(shown, () => !isCopied));
    title.focus();
  };
  const heading = h("h2", { tabindex: "-1" }, t("manage.hooks"));
  show();
  return h("section", { class: "card" },
    heading, h("p", {}, t("manage.hooks_text")), none, list, told, hookForm(added));
}

/**
 * @param {Webhook} hook
 * @param {() => void} onRemoved
 */
function hookItem(hook, onRemoved) {
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
    type: "button", class: "button small", "aria-label": t("manage.hook_test_named", { url: hook.url }),
    onclick: () => busy(test, tryOut),
  }, t("manage.hook_test"));
  const remove = h("button", {
    type: "button", class: "button small danger",
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
      if (isDone) onRemoved();
    });
  });
  const events = hook.events.map((event) => EVENTS.find(([name]) => name === event)?.[1]);
  return h("li", {},
    h("div", { class: "grow" },
      h("div", { class: "mono", translate: "no" }, hook.url),
      h("div", { class: "muted small" }, t("manage.hook_calls"), ": ",
        joined(events.map((key, index) => (key ? t(key) : hook.events[index])), ", ")),
      h("div", { class: "muted small" }, moment(hook.created_at))),
    test, remove, result);
}

/** @param {(hook: Webhook & { signing_key: string }) => void} onAdded */
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
        onAdded(data);
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
