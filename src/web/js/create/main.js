// @ts-check
// The page that creates a secret: the form, then its link. Its parts are in ../common: secret_form.js (text
// and files), settings_form.js (settings), link.js (the link).
import { ApiError } from "../common/api.js";
import { handleDamagedLink } from "../common/damaged_link.js";
import { $, busy, h, notice, replace } from "../common/dom.js";
import { linkPanel, mayLeaveLink, secretLink } from "../common/link.js";
import { config, freshOnReturn, root, start, t } from "../common/page.js";
import { contentForm, deliver, focusWrong } from "../common/secret_form.js";
import { getKey, signOut } from "../common/session.js";
import { settingsForm } from "../common/settings_form.js";
import { isKnown, signInCard } from "../common/sign_in.js";

const app = $("#app");

start();
freshOnReturn();
if (!toBox() && !handleDamagedLink(app)) begin();
window.addEventListener("hashchange", toBox);
// "Back" from a link leads to an empty form, not out of the site.
window.addEventListener("popstate", async () => {
  if (!$(".link-panel", app)) return;
  if (await mayLeaveLink()) begin({ focus: true });
  else history.pushState({ made: true }, "");
});

/** Redirects old links to boxes, also if a mail program has damaged their end. */
function toBox() {
  const token = /^#([A-Za-z0-9]{31})(?![A-Za-z0-9])/.exec(location.hash)?.[1];
  if (token) location.replace(`${root}box/${token}`);
  return Boolean(token);
}

function begin({ focus = false } = {}) {
  if (config.create === "account" && !getKey()) {
    replace(app, signInCard({
      title: t("create.title"), text: t("create.account_only"), onSignedIn: () => begin({ focus: true }),
    }));
    return;
  }
  replace(app, formCard());
  if (focus) $("textarea", app).focus();
}

function formCard() {
  const content = contentForm();
  const settings = settingsForm({ hasList: Boolean(getKey()) });
  const place = h("div", { class: "place" });
  const button = h("button", { type: "submit", class: "button primary big" }, t("create.submit"));
  const form = h("form", {
    class: "card", autocomplete: "off", novalidate: true, onsubmit: (event) => {
      event.preventDefault();
      if ([content.check(), settings.check()].every(Boolean)) submit();
      else focusWrong(form);
    },
  },
  h("h1", { tabindex: "-1" }, t("create.title")),
  h("p", { class: "lead muted" }, t("create.lead")),
  content.node, settings.node,
  h("div", { class: "actions" }, button));
  const whole = h("div", {}, form, place);

  const submit = async () => {
    const key = getKey();
    const made = await deliver({
      form, button, place, fields: { ...content.fields, ...settings.fields },
      request: () => ({
        path: key ? "api/secrets" : "api/public/secrets", key: key ?? undefined,
        text: content.text, files: content.files, fields: settings.values,
      }),
      explained: (error) => refusal(error, key, whole),
    });
    if (!made) return;
    history.pushState({ made: true }, "");
    showResult(made);
  };
  return whole;
}

/**
 * The message for a refusal: an invalid key, a used-up allowance, or a server that needs a key.
 *
 * @param {Error} error
 * @param {string | null} key
 * @param {HTMLElement} whole
 */
async function refusal(error, key, whole) {
  if (!(error instanceof ApiError) || ![401, 403].includes(error.status)) return null;
  if (!key) return t("create.account_only");
  if (await isKnown(key)) return t("create.allowance");
  signOut();
  if (config.create !== "account") return t("create.key_dropped");
  // The form stays, hidden, until the user has signed in.
  const form = $("form", whole);
  const card = signInCard({
    title: t("create.title"), text: t("create.key_gone"), onSignedIn: () => {
      card.remove();
      form.hidden = false;
      $("button[type=submit]", form).focus();
    },
  });
  form.hidden = true;
  whole.prepend(card);
  $("h1", card).focus();
  return "";
}

/** @param {{ data: NewSecret, publicHalf: string }} options */
function showResult({ data, publicHalf }) {
  const heading = h("h1", { tabindex: "-1" }, t("create.ready"));
  const token = data.manage_token ? `#${data.manage_token}` : "";
  const again = h("button", { type: "button", class: "button" }, t("create.another"));
  again.addEventListener("click", () => busy(again, async () => {
    if (await mayLeaveLink()) begin({ focus: true });
  }));
  replace(app,
    h("div", { class: "card" }, heading,
      h("p", {}, t("create.ready_text")),
      linkPanel({
        link: secretLink(data.id, publicHalf), id: data.id, publicHalf, expiresAt: data.expires_at,
        maxViews: data.max_views, hasPassword: data.password, statusLink: `${root}status/${data.id}${token}`,
      }),
      notice("warn", t("create.only_now")),
      h("div", { class: "actions" }, again)));
  heading.focus();
  window.scrollTo(0, 0);
}
