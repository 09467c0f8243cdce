// @ts-check
// The form that changes a secret before its first view: expiry, views, or new content under the same link.
import { ApiError, call, explain } from "../common/api.js";
import { busy, field, h, notice, replace } from "../common/dom.js";
import { expirationChoice } from "../common/expiration.js";
import { isCut, partsOfText } from "../common/link_parts.js";
import { t } from "../common/page.js";
import { excess } from "../common/sending.js";
import { focusWrong } from "../common/form.js";
import { toBase64, utf8 } from "../crypto/bytes.js";
import { newHalves, pack, seal } from "../crypto/secret.js";

const MAX_VIEWS = 100;
/** The timeout for the answer. */
const PATIENCE_MS = 30_000;

/**
 * Whether a secret can still be changed.
 *
 * @param {SentSecret} secret
 */
export function isChangeable({ view_times: times, expired, locked, draft }) {
  return times === 0 && !expired && !locked && !draft;
}

/**
 * The form, folded. `replyPrint()` is the fingerprint for new content of the key for a reply; `onChanged(secret)`
 * gets the changed secret, and `onTooLate()` is called if it was viewed or deleted meanwhile.
 *
 * @param {SentSecret} secret
 * @param {{ path: string, headers?: Record<string, string>, key?: string | null,
 *   replyPrint: () => Promise<string | undefined>, onChanged: (secret: SentSecret) => void, onTooLate: () => void }} options
 */
export function changeForm(secret, { path, headers, key, replyPrint, onChanged, onTooLate }) {
  const expiration = expirationChoice({ label: t("status.new_expiry"), unchanged: t("status.unchanged") });
  const views = field(t("status.new_views"), h("input", {
    type: "number", min: 1, max: MAX_VIEWS, step: 1, value: secret.max_views, inputmode: "numeric",
    autocomplete: "off", "data-fleeting": true,
  }));
  const text = field(t("status.new_text"),
    h("textarea", { rows: 4, autocomplete: "off", spellcheck: "false", translate: "no" }),
    t("status.new_text_hint"));
  const link = field(t("status.whole_link"), h("input", {
    type: "text", class: "mono", autocomplete: "off", spellcheck: "false", autocapitalize: "none", dir: "ltr",
    translate: "no",
  }), t("status.whole_link_hint"));
  const problem = h("div", { class: "problem" });
  const submit = h("button", { type: "submit", class: "button primary" }, t("status.save"));
  const form = h("form", { novalidate: true, autocomplete: "off" },
    expiration.node, views.node, text.node, link.node, problem, h("div", { class: "actions" }, submit));

  const viewCount = () => Number(views.control.value);
  const half = () => {
    const { id, publicHalf } = partsOfText(link.control.value);
    return id === secret.id && publicHalf && !isCut(publicHalf) ? publicHalf : null;
  };
  const check = () => {
    const over = excess(text.control.value, []);
    const isCountRight = Number.isInteger(viewCount()) && viewCount() >= 1 && viewCount() <= MAX_VIEWS;
    const isLinkRight = !text.control.value || half() !== null;
    views.setError(isCountRight ? "" : t("send.wrong.max_views"));
    text.setError(over ? t("send.wrong.ciphertext") : "");
    link.setError(isLinkRight ? "" : t("status.wrong_link"));
    return [expiration.check(), isCountRight, over === 0, isLinkRight].every(Boolean);
  };
  const changes = async () => {
    /** @type {Record<string, unknown>} */
    const body = { ...expiration.fields };
    if (viewCount() !== secret.max_views) body.max_views = viewCount();
    if (text.control.value) {
      const { privateHalf } = newHalves();
      body.ciphertext = await seal(privateHalf + half(), pack({
        text: text.control.value, attachments: [], reply: await replyPrint(),
      }));
      body.password_part_private = toBase64(utf8(privateHalf));
    }
    return body;
  };
  const save = async () => {
    replace(problem);
    const body = await changes();
    if (!Object.values(body).some((value) => value !== undefined)) return void replace(problem, notice("info", t("status.nothing_changed")));
    try {
      onChanged((await call("PATCH", path, { body, headers, key, patience: PATIENCE_MS })).data);
    } catch (error) {
      const isLate = error instanceof ApiError && [404, 409].includes(error.status);
      if (isLate) onTooLate();
      else if (error instanceof ApiError && ["expiration", "expires_at"].includes(error.field ?? "")) expiration.setError(t("send.wrong.expiration"));
      else replace(problem, notice("bad", explain(error)));
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (check()) busy(submit, save);
    else focusWrong(form);
  });
  return h("details", { class: "change" }, h("summary", {}, t("status.change")), form);
}
