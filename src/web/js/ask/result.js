// @ts-check
// The result: the link to send, and the status link to keep.
import { busy, h, notice } from "../common/dom.js";
import { linkLine } from "../common/link.js";
import { root, t } from "../common/page.js";
import { guardWhileShown } from "../common/stakes.js";

/**
 * The card for a new request. `token` is empty for a request of an account; `privateKey` and `print` are empty
 * without a key for answers.
 *
 * @param {{ id: string, token: string, privateKey: string, print: string, limit: number,
 *   onAgain: () => unknown }} options
 */
export function resultCard({ id, token, privateKey, print, limit, onAgain }) {
  const link = `${root}req/${id}${print && `#${print}`}`;
  const secrets = [token, privateKey].some(Boolean) ? `#${token}${privateKey && `.${privateKey}`}` : "";
  const status = `${root}req/${id}/status${secrets}`;
  const missing = new Set(["link", "status"]);
  const again = h("button", { type: "button", class: "button" }, t("ask.another"));
  again.addEventListener("click", () => busy(again, onAgain));
  const card = h("div", { class: "card asked-link" },
    h("h1", { tabindex: "-1" }, t("ask.ready")),
    h("p", {}, t("ask.ready_text")),
    linkLine(link, { primary: true, onCopied: () => missing.delete("link") }),
    sendActions(link, () => missing.delete("link")),
    h("h2", {}, t("ask.status")),
    h("p", {}, statusText(privateKey, limit)),
    linkLine(status, { label: t("ask.status"), onCopied: () => missing.delete("status") }),
    privateKey && notice("warn", t("ask.only_now")),
    h("div", { class: "actions" },
      h("a", { class: "button", href: status, onclick: () => missing.clear() }, t("ask.open_status")), again));
  // The status link of a request without an account is nowhere else.
  return guardWhileShown(card, () => missing.has("status") && (token !== "" || privateKey !== ""));
}

/**
 * @param {string} privateKey
 * @param {number} limit
 */
function statusText(privateKey, limit) {
  if (!privateKey) return t("ask.status_plain");
  return t("ask.status_text", { count: limit });
}

/**
 * Buttons that pass the link on: by mail, and where the device can share.
 *
 * @param {string} link
 * @param {() => void} onSent
 */
function sendActions(link, onSent) {
  const text = () => [t("ask.mail_text"), "", link].map(String).join("\n");
  const mail = h("a", { class: "button", onclick: onSent }, t("ask.mail"));
  mail.href = `mailto:?subject=${encodeURIComponent(String(t("ask.mail_subject")))}&body=${encodeURIComponent(text())}`;
  const share = navigator.share && h("button", {
    type: "button", class: "button", onclick: async () => {
      try {
        await navigator.share({ text: String(t("ask.mail_text")), url: link });
        onSent();
      } catch (error) {
        // The user has closed the dialog; for any other failure the link can still be copied.
        if (error.name !== "AbortError") share?.remove();
      }
    },
  }, t("ask.share"));
  return h("div", { class: "actions" }, mail, share);
}
