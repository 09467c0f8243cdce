// @ts-check
// The page that creates a secret: the form, then its link. Its parts are in ../common: secret_form.js (text
// and files), settings_form.js (settings), link.js (the link); made.js has the list of earlier secrets.
import { ApiError } from "../common/api.js";
import { now } from "../common/clock.js";
import { handleDamagedLink } from "../common/damaged_link.js";
import { $, busy, h, notice, replace } from "../common/dom.js";
import { focusWrong } from "../common/form.js";
import { copyLine, linkPanel, mayLeaveLink } from "../common/link.js";
import { config, freshOnReturn, root, start, t } from "../common/page.js";
import { contentForm, deliver } from "../common/secret_form.js";
import { secretLink } from "../common/secret_link.js";
import { getKey, signOut } from "../common/session.js";
import { settingsForm } from "../common/settings_form.js";
import { isKnown, signInCard } from "../common/sign_in.js";
import { isAtStake } from "../common/stakes.js";
import { keepBox, madeCard, statusLink } from "./made.js";
import { fillShared, startApp } from "./shared.js";

const app = $("#app");

start();
freshOnReturn();
startApp();
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
  const form = formCard();
  replace(app, form, madeCard(), howItWorks());
  // A keyboard on the screen of a phone would cover the page.
  if (focus || !matchMedia("(pointer: coarse)").matches) $("textarea", form).focus({ preventScroll: !focus });
}

/** What happens to a secret, for people who have never sent one. */
function howItWorks() {
  const steps = ["write", "send", "gone"];
  return h("section", { class: "how", "aria-labelledby": "how" },
    h("h2", { id: "how" }, t("create.how")),
    h("ol", {}, ...steps.map((step) => h("li", {},
      h("strong", {}, t(`create.how_${step}`)), " ", t(`create.how_${step}_text`)))));
}

function formCard() {
  const content = contentForm();
  const settings = settingsForm({ hasList: Boolean(getKey()) });
  const place = h("div", { class: "place" });
  fillShared(content, place);
  const button = h("button", { type: "submit", class: "button primary big" }, t("create.submit"));
  const signIn = h("button", { type: "button", class: "button small" }, t("send.sign_in"));
  const form = h("form", { class: "card new-secret", autocomplete: "off", novalidate: true },
    // The choice above it shows the same words.
    h("h1", { tabindex: "-1", class: "hidden" }, t("create.title")),
    h("p", { class: "lead muted" }, t("create.lead")),
    isStranger() && notice("info", t("create.account_only"), " ", signIn),
    content.node, settings.node,
    h("div", { class: "actions" }, button));
  const whole = h("div", {}, form, place);

  const submit = async () => {
    const key = getKey();
    const reply = await settings.replyKey();
    const made = await deliver({
      form, button, place, fields: { ...content.fields, ...settings.fields },
      request: () => ({
        path: key ? "api/secrets" : "api/public/secrets", key: key ?? undefined,
        text: content.text, files: content.files, reply: reply?.print,
        fields: { ...settings.values, reply_key: reply?.publicKey },
      }),
      explained: (error) => refusal(error, key, whole),
    });
    if (!made) return;
    history.pushState({ made: true }, "");
    showResult(made, reply?.privateKey);
  };
  signIn.addEventListener("click", () => askForKey(whole, t("create.sign_in_first")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (![content.check(), settings.check()].every(Boolean)) focusWrong(form);
    else if (isStranger()) askForKey(whole, t("create.sign_in_first"));
    else submit();
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    form.requestSubmit(button);
  });
  return whole;
}

/** Whether only account holders may create secrets, and this tab has no key of one. */
function isStranger() {
  return config.create === "account" && !getKey();
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
  askForKey(whole, t("create.key_gone"));
  return "";
}

/**
 * Asks for the key of an account. The form stays, hidden, until the user has signed in.
 *
 * @param {HTMLElement} whole
 * @param {TextLike} text
 */
function askForKey(whole, text) {
  const form = $(".new-secret", whole);
  const card = signInCard({
    title: t("create.title"), text, onSignedIn: () => {
      // Nothing is lost, and a new form also has what only account holders need.
      if (!isAtStake()) return begin({ focus: true });
      card.remove();
      form.hidden = false;
      $(".notice.info", form)?.remove();
      return $("button[type=submit]", form).focus();
    },
  });
  form.hidden = true;
  whole.prepend(card);
  $("h1", card).focus();
}

/**
 * @param {{ data: NewSecret, publicHalf: string }} options
 * @param {string} [replyKey] the private key for a reply
 */
function showResult({ data, publicHalf }, replyKey) {
  const heading = h("h1", { tabindex: "-1" }, t("create.ready"));
  const again = h("button", { type: "button", class: "button" }, t("create.another"));
  again.addEventListener("click", () => busy(again, async () => {
    if (await mayLeaveLink()) begin({ focus: true });
  }));
  replace(app,
    h("div", { class: "card" }, heading,
      h("p", {}, t("create.ready_text")),
      linkPanel({
        link: secretLink(data.id, publicHalf), id: data.id, publicHalf, expiresAt: data.expires_at,
        maxViews: data.max_views, hasPassword: data.password, warning: t("create.only_now"),
      }),
      followPart(data, replyKey),
      h("div", { class: "actions" }, again)));
  heading.focus();
  window.scrollTo(0, 0);
}

/**
 * The status link, and the box that keeps it on this device. Account holders have a list of their secrets.
 *
 * @param {NewSecret} secret
 * @param {string} [replyKey] the private key for a reply; it is in the link only
 */
function followPart({ id, manage_token: token = "", expires_at: expires }, replyKey) {
  const link = statusLink({ id, token }) + (replyKey ? `${token ? "" : "#"}.${replyKey}` : "");
  return h("section", { class: "follow", "aria-labelledby": "follow" },
    h("h2", { id: "follow" }, t("link.follow")),
    h("p", { class: "hint" }, t("link.status_hint")),
    copyLine(link, t("link.status_label"), { button: t("link.status_copy") }),
    h("p", {}, h("a", { href: link }, t("link.status"))),
    token && keepBox({ id, token, name: "", made: new Date(now()).toISOString(), expires }));
}
