// @ts-check
// The settings of a new secret: expiry and views in sight, the others folded. The content is in
// secret_form.js.
import { reach } from "./api.js";
import { choiceField } from "./choice.js";
import { h } from "./dom.js";
import { expirationChoice } from "./expiration.js";
import { joined, write } from "./live.js";
import { date, lifetime, root, t } from "./page.js";
import { passwordField } from "./password.js";
import { shortText } from "./form.js";
import { typedPassword } from "./typed.js";
import { fingerprint, newAnswerKey } from "../crypto/answer_key.js";
import { hasWebCrypto } from "../crypto/engine.js";

const MAX_VIEWS = 100;
/** What the field for another number of views shows first. */
const CUSTOM_VIEWS = 3;
/** How often the displayed time is updated. */
const TICK_MS = 15_000;
/** The timeout for the request that reads the server's time. */
const PATIENCE_MS = 15_000;

/**
 * `{ node, fields, values, check() }`: `values` are fields of `POST /api/secrets`. `hasList`: the sender has
 * a list of secrets, so a description is useful.
 *
 * @param {{ hasList: boolean }} options
 */
export function settingsForm({ hasList }) {
  const expiration = expirationChoice({ onChange: () => tell() });
  const count = h("input", {
    type: "number", min: 1, max: MAX_VIEWS, step: 1, value: CUSTOM_VIEWS, inputmode: "numeric",
    autocomplete: "off",
  });
  const views = choiceField(t("create.views"), [{ value: 1, label: t("create.once") }], {
    chosen: 1, custom: { label: t("create.custom"), control: count, name: t("create.views_custom") },
    onChange: () => tell(),
  });
  const password = passwordField({ label: t("create.password"), hint: t("create.password_hint") });
  const message = shortText(t("create.message"), t("create.message_hint"));
  const shown = choiceField(t("create.message_shown"), [
    { value: "with", label: t("create.message_with") }, { value: "before", label: t("create.message_before") },
  ], { chosen: "with" });
  const description = shortText(t("create.description"), t("create.description_hint"));
  const button = check(t("create.view_button"), t("create.view_button_hint"), true);
  const captcha = check(t("create.captcha"), t("create.captcha_hint"), false);
  const reply = check(t("create.reply"), t("create.reply_hint"), false);

  const viewCount = () => Number(views.isCustom ? count.value : views.value);
  const areViewsRight = () => Number.isInteger(viewCount()) && viewCount() >= 1 && viewCount() <= MAX_VIEWS;
  const summary = h("p", { class: "summary", "aria-live": "polite" });
  const until = h("p", { class: "hint" });
  const tell = () => {
    const end = expiration.end;
    const parts = [areViewsRight() && t("link.opens", { count: viewCount() })];
    if (expiration.isCustom) parts.push(end !== null && t("link.expires_on", { date: date(end) }));
    else parts.push(end ? t("link.expires_in", { time: lifetime(Number(expiration.hours)) }) : t("link.no_expiry"));
    if (password.value) parts.push(t("create.with_password"));
    show(summary, joined(parts, " · "));
    show(until, end && !expiration.isCustom ? t("link.until", { date: date(end) }) : "");
  };
  password.control.addEventListener("input", tell);
  tell();
  // The page has made no request yet, and the answer has the server's time. Without it, the clock of this
  // device is used.
  reach(`${root}robots.txt`, { method: "HEAD", patience: PATIENCE_MS }).then(tell, () => {});
  const ticking = setInterval(() => {
    if (summary.isConnected) tell();
    else clearInterval(ticking);
  }, TICK_MS);

  const node = h("div", { class: "settings" },
    h("div", { class: "row" }, expiration.node, views.node),
    summary, until,
    h("details", {}, h("summary", {}, t("create.settings")),
      password.node,
      message.node, shown.node,
      hasList && description.node,
      button.node,
      captcha.node,
      hasWebCrypto() && reply.node));
  return {
    node,
    fields: {
      expiration, expires_at: expiration, max_views: views, password, message, message_shown: shown, description,
    },
    get values() {
      return {
        ...expiration.fields,
        max_views: viewCount(),
        password: typedPassword(password.value) || undefined,
        message: message.control.value || undefined,
        message_shown: message.control.value ? shown.value : undefined,
        description: (hasList && description.control.value) || undefined,
        view_button: button.control.checked,
        captcha: captcha.control.checked,
      };
    },
    /**
     * The key pair for a reply, with its fingerprint, or null if no reply is allowed. The private key goes
     * into the status link.
     */
    replyKey: async () => {
      if (!reply.control.checked) return null;
      const pair = await newAnswerKey();
      return { ...pair, print: await fingerprint(pair.publicKey) };
    },
    check: () => {
      const isPasswordRight = !password.value || typedPassword(password.value) !== "";
      if (!areViewsRight()) views.setError(t("send.wrong.max_views"));
      if (!isPasswordRight) password.setError(t("send.wrong.blank_password"));
      const checks = [
        expiration.check(), areViewsRight(), isPasswordRight, message.check(), !hasList || description.check(),
      ];
      return checks.every(Boolean);
    },
  };
}

/**
 * Writes a text that may have changed: a region that screen readers watch is not written in vain.
 *
 * @param {HTMLElement} node
 * @param {TextLike} text
 */
function show(node, text) {
  if (node.textContent !== String(text)) write(node, text);
}

let boxes = 0;

/**
 * @param {TextLike} label
 * @param {TextLike} hint
 * @param {boolean} isChecked
 */
function check(label, hint, isChecked) {
  const id = `check-${++boxes}`;
  const control = h("input", {
    type: "checkbox", checked: isChecked, autocomplete: "off", "aria-describedby": id,
  });
  return { control, node: h("div", { class: "field" },
    h("label", { class: "check" }, control, label), h("p", { class: "hint", id }, hint)) };
}
