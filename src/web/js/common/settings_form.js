// @ts-check
// The settings of a new secret: expiry, views and others. The content is in secret_form.js.
import { reach } from "./api.js";
import { now } from "./clock.js";
import { $, field, h } from "./dom.js";
import { joined, write } from "./live.js";
import { config, date, lifetime, root, t } from "./page.js";
import { passwordField } from "./password.js";
import { shortText } from "./secret_form.js";
import { typedPassword } from "./typed.js";

/** Choices of expiry, in hours. */
const LIFETIMES = [1, 4, 24, 72, 168, 336];
const MAX_VIEWS = 100;
const DEFAULT_VIEWS = 1;
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
  const expiration = expirationField();
  const views = field(t("create.views"), h("input", {
    type: "number", min: 1, max: MAX_VIEWS, step: 1, value: DEFAULT_VIEWS, inputmode: "numeric",
    autocomplete: "off",
  }), t("create.views_hint"));
  const password = passwordField({ label: t("create.password"), hint: t("create.password_hint") });
  const message = shortText(t("create.message"), t("create.message_hint"));
  const description = shortText(t("create.description"), t("create.description_hint"));
  const button = check(t("create.view_button"), t("create.view_button_hint"), true);
  const captcha = check(t("create.captcha"), t("create.captcha_hint"), false);

  const viewCount = () => Number(views.control.value);
  const areViewsRight = () => Number.isInteger(viewCount()) && viewCount() >= 1 && viewCount() <= MAX_VIEWS;
  const summary = h("p", { class: "summary", "aria-live": "polite" });
  const tell = () => {
    const count = areViewsRight() ? viewCount() : DEFAULT_VIEWS;
    const until = endOf(expiration.control.value);
    const parts = [t("link.views", { count })];
    parts.push(until ? t("create.until", { date: date(until) }) : t("create.for_ever"));
    if (password.value) parts.push(t("create.with_password"));
    const text = joined(parts);
    if (summary.textContent !== String(text)) write(summary, text);
    expiration.tell();
  };
  for (const { control } of [expiration, views, password]) control.addEventListener("input", tell);
  views.control.addEventListener("input", () => views.setError(""));
  tell();
  // The page has made no request yet, and the answer has the server's time. Without it, the clock of this
  // device is used.
  reach(`${root}robots.txt`, { method: "HEAD", patience: PATIENCE_MS }).then(tell, () => {});
  const ticking = setInterval(() => {
    if (summary.isConnected) tell();
    else clearInterval(ticking);
  }, TICK_MS);

  const node = h("div", { class: "settings" }, summary,
    h("details", {}, h("summary", {}, t("create.settings")),
      h("div", { class: "row" }, expiration.node, views.node),
      password.node,
      message.node,
      hasList && description.node,
      button.node,
      captcha.node));
  return {
    node,
    fields: {
      expiration, max_views: views, password, message, description,
    },
    get values() {
      return {
        expiration: Number(expiration.control.value),
        max_views: viewCount(),
        password: typedPassword(password.value) || undefined,
        message: message.control.value || undefined,
        description: (hasList && description.control.value) || undefined,
        view_button: button.control.checked,
        captcha: captcha.control.checked,
      };
    },
    check: () => {
      const isPasswordRight = !password.value || typedPassword(password.value) !== "";
      if (!areViewsRight()) views.setError(t("send.wrong.max_views"));
      if (!isPasswordRight) password.setError(t("send.wrong.blank_password"));
      const checks = [areViewsRight(), isPasswordRight, message.check(), !hasList || description.check()];
      return checks.every(Boolean);
    },
  };
}

/**
 * The expiry choices that the operator allows, with the resulting date, or with `hint` instead. `{ node,
 * control, setError, tell }`: `tell()` updates the date.
 *
 * @param {{ label?: TextLike, hint?: TextLike }} options
 */
export function expirationField({ label = t("create.expiration"), hint: fixed = "" } = {}) {
  const { min, max, default: standard } = config.expiration;
  const allowed = LIFETIMES.filter((hours) => hours >= min && hours <= max);
  const hours = new Set([...allowed, ...(standard ? [standard] : [])]);
  if (!allowed.includes(min) && !hours.size) hours.add(min);
  // A maximum that is only slightly longer is not a choice of its own.
  if (max > Math.max(0, ...hours) * 1.2) hours.add(max);
  const sorted = [...hours].sort((a, b) => a - b);
  const chosen = standard || 0;
  const select = h("select", { autocomplete: "off" },
    ...sorted.map((value) => h("option", { value, selected: value === chosen }, lifetime(value))),
    !standard && h("option", { value: 0, selected: true }, t("create.ever")));
  select.value = String(chosen);
  const made = field(label, select, fixed || " ");
  if (fixed) return { ...made, tell: () => {} };
  const hint = $(".hint", made.node);
  const tell = () => {
    const end = endOf(select.value);
    write(hint, end ? t("create.ends", { date: date(end) }) : t("create.ends_never"));
  };
  return { ...made, tell };
}

/** @param {number | string} hours */
function endOf(hours) {
  return Number(hours) ? new Date(now() + Number(hours) * 3_600_000) : null;
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
