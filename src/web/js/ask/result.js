// @ts-check
// The result: the link to send, and the status link to keep.
import { busy, h, notice } from "../common/dom.js";
import { copyLine, qrCode, sendActions } from "../common/link.js";
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
  // The status link of a request without an account is nowhere else.
  let isKept = token === "" && privateKey === "";
  const keep = () => { isKept = true; };
  const again = h("button", { type: "button", class: "button" }, t("ask.another"));
  again.addEventListener("click", () => busy(again, onAgain));
  const card = h("div", { class: "card asked-link" },
    h("h1", { tabindex: "-1" }, t("ask.ready")),
    h("p", {}, t("ask.ready_text")),
    h("div", { class: "link-panel" },
      h("div", { class: "link-line" }, copyLine(link, t("link.label"), { primary: true, button: t("link.copy") })),
      sendActions({
        subject: () => String(t("ask.mail_subject")), text: () => [t("ask.mail_text"), "", link].join("\n"),
      }),
      qrCode(link)),
    h("section", { class: "follow", "aria-labelledby": "follow" },
      h("h2", { id: "follow" }, t("ask.status")),
      privateKey ? notice("warn", t("ask.only_now")) : null,
      h("p", { class: "hint" }, statusText(privateKey, limit)),
      h("div", { class: "link-line" },
        copyLine(status, t("ask.status"), { button: t("link.status_copy"), onCopied: keep }))),
    h("div", { class: "actions" },
      h("a", { class: "button", href: status, onclick: keep }, t("ask.open_status")), again));
  return guardWhileShown(card, () => !isKept);
}

/**
 * @param {string} privateKey
 * @param {number} limit
 */
function statusText(privateKey, limit) {
  if (!privateKey) return t("ask.status_plain");
  return t("ask.status_text", { count: limit });
}
