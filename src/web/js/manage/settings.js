// @ts-check
// The settings of an account: usage and notifications. Keys are in keys.js, webhooks in hooks.js.
import { ApiError } from "../common/api.js";
import { busy, field, h, notice, replace } from "../common/dom.js";
import { write } from "../common/live.js";
import { ask, attempt } from "./call.js";
import { hooksCard } from "./hooks.js";
import { keysCard } from "./keys.js";
import { facts } from "./facts.js";
import { nameField, saveName } from "./name_field.js";
import { number, t } from "../common/page.js";
import { serverCard } from "./server.js";
import { settle } from "../common/stakes.js";

/** `{ node, load() }`. */
export function settingsPanel() {
  const node = h("div", {});
  const load = async () => {
    node.setAttribute("aria-busy", "true");
    const problem = h("div", {});
    const isDone = await attempt(problem, async () => {
      const { data, metadata } = await ask("GET", "api/account");
      const server = data.owns_server ? [serverCard()] : [];
      const lists = [keysCard(), hooksCard()];
      replace(node, figuresCard(data, metadata), nameCard(data), notifyCard(data),
        ...lists.map((list) => list.node), ...server);
      for (const list of lists) list.load();
    });
    node.removeAttribute("aria-busy");
    if (!isDone) {
      const again = h("button", { type: "button", class: "button", onclick: load }, t("manage.retry"));
      replace(node, problem, again);
    }
  };
  return { node, load };
}

/**
 * @param {{ name: string }} account
 * @param {Record<string, number>} metadata
 */
function figuresCard({ name }, metadata) {
  const { secrets_usage: usage, secrets_allowance: allowance, secrets_total: secrets } = metadata;
  const { secret_requests_total: requests, secret_requests_allowance: room } = metadata;
  return h("section", { class: "card" },
    h("h2", {}, t("manage.account_name", { name })),
    h("p", { id: "allowance" }, t("manage.allowance"), ": ",
      h("strong", {}, t("manage.allowance_of", { count: usage, max: allowance }))),
    h("meter", {
      "aria-labelledby": "allowance", min: 0, max: Math.max(1, allowance), value: Math.min(usage, allowance),
    }),
    h("p", { class: "hint" }, t("manage.allowance_left", { left: Math.max(0, allowance - usage) })),
    facts(
      [t("manage.secrets_now"), number(secrets)],
      [t("manage.requests_now"), t("manage.allowance_of", { count: requests, max: room })],
    ));
}

/**
 * The name that recipients see.
 *
 * @param {{ display_name: string | null }} account
 */
function nameCard({ display_name: current }) {
  const name = nameField(t("manage.display_name"), current, t("manage.display_name_hint"));
  const place = h("div", {});
  const submit = h("button", { type: "submit", class: "button" }, t("manage.display_name_save"));
  const save = () => attempt(place, () => saveName(name, "display_name", async (text) => {
    const { data } = await ask("PUT", "api/account", { body: { display_name: text } });
    const saved = data.display_name;
    name.control.value = saved ?? "";
    settle(name.node);
    replace(place, notice("ok", t(saved ? "manage.display_name_saved" : "manage.display_name_removed")));
  }));
  return h("form", {
    class: "card", novalidate: true, autocomplete: "off", onsubmit: (event) => {
      event.preventDefault();
      busy(submit, save);
    },
  }, h("h2", {}, t("manage.display_name_title")), name.node, place, h("div", { class: "actions" }, submit));
}

/** @param {{ notify_email: string | null, mail_ready: boolean }} account */
function notifyCard({ notify_email: email, mail_ready: isReady }) {
  const address = field(t("manage.email"), h("input", {
    type: "email", autocomplete: "off", autocapitalize: "none", spellcheck: "false", maxlength: 254,
    value: email ?? "",
  }), t("manage.email_hint"));
  const now = h("p", {}, told(email));
  const place = h("div", {});
  const submit = h("button", { type: "submit", class: "button primary" }, t("manage.email_save"));
  const save = async () => {
    address.setError("");
    await attempt(place, async () => {
      try {
        const body = { notify_email: address.control.value.trim() || null };
        const { data: { notify_email: saved } } = await ask("PUT", "api/account", { body });
        address.control.value = saved ?? "";
        settle(address.node);
        write(now, told(saved));
        const text = saved ? t("manage.email_saved", { email: saved }) : t("manage.email_none_saved");
        replace(place, notice("ok", text));
      } catch (error) {
        if (!(error instanceof ApiError && error.field === "notify_email")) throw error;
        address.setError(t(isReady ? "manage.email_wrong" : "manage.no_mail"));
        address.control.focus();
      }
    });
  };
  return h("form", {
    class: "card", novalidate: true, autocomplete: "off", onsubmit: (event) => {
      event.preventDefault();
      busy(submit, save);
    },
  }, h("h2", {}, t("manage.notify")), now,
  // An address can be removed even if the server sends no mails.
  isReady || email
    ? [address.node, place, h("div", { class: "actions" }, submit)]
    : h("p", { class: "muted" }, t("manage.no_mail")));
}

/** @param {string | null} email */
function told(email) {
  return email ? t("manage.email_now", { email }) : t("manage.email_none");
}
