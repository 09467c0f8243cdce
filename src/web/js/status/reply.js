// @ts-check
// The reply to a secret, for its sender: when it came, and the way to open it.
import { h } from "../common/dom.js";
import { date, t } from "../common/page.js";
import { secretLink } from "../common/secret_link.js";
import { fingerprint, openHalf, sealHalf } from "../crypto/answer_key.js";
import { hasWebCrypto } from "../crypto/engine.js";

/**
 * The part of the page, or null if the sender has allowed no reply. `privateKey` is in the status link.
 *
 * @param {{ id: string, reply_key: string | null, reply: Answer | null }} secret
 * @param {string} privateKey
 */
export async function replyPart({ id, reply_key: publicKey, reply }, privateKey) {
  if (!publicKey) return null;
  return [h("h2", {}, t("status.reply")), ...await content()];

  async function content() {
    if (!reply) return [h("p", { class: "muted" }, t("status.reply_none"))];
    const came = date(reply.created_at);
    if (reply.view_times >= reply.max_views) {
      return [h("p", {}, t("status.reply_opened", { date: date(reply.viewed_at ?? "") }))];
    }
    if (reply.expired) return [h("p", {}, t("status.reply_expired", { date: came }))];
    const half = await halfOf(reply.sealed_part ?? "");
    if (half === null) return [h("p", {}, t("status.reply_no_key"))];
    return [h("p", {}, t("status.reply_came", { date: came })), h("div", { class: "actions" },
      h("a", { class: "button primary", href: secretLink(reply.id, half), target: "_blank", rel: "noopener" },
        t("status.reply_open")))];
  }

  /** @param {string} sealed */
  async function halfOf(sealed) {
    if (!privateKey || !hasWebCrypto()) return null;
    return openHalf({ publicKey: /** @type {string} */ (publicKey), privateKey }, id, sealed).catch(() => null);
  }
}

/**
 * The fingerprint of the key for a reply, for new content; undefined if the private key is not here, or the server
 * names another key.
 *
 * @param {{ id: string, reply_key: string | null }} secret
 * @param {string} privateKey
 */
export async function replyPrint({ id, reply_key: publicKey }, privateKey) {
  if (!publicKey || !privateKey || !hasWebCrypto()) return undefined;
  try {
    // Only the pair of the status link opens what is encrypted for it.
    await openHalf({ publicKey, privateKey }, id, await sealHalf(publicKey, id, "x"));
    return await fingerprint(publicKey);
  } catch {
    return undefined;
  }
}
