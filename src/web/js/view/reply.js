// @ts-check
// "Answer with a secret": the button for a secret whose sender allows a reply. The form is loaded on
// demand.
import { busy, h, notice, replace } from "../common/dom.js";
import { t } from "../common/page.js";
import { fingerprint } from "../crypto/answer_key.js";
import { hasWebCrypto } from "../crypto/engine.js";

/**
 * The part of the page, or null if the sender allows no reply, or the server names another key than the
 * content. `token` is the lease of this view; `print` the fingerprint of the key from the content.
 *
 * @param {{ id: string, token: string | null, key: string, print: string }} options
 * @returns {Promise<HTMLElement | null>}
 */
export async function replyPart({ id, token, key, print }) {
  if (!token || !print || !hasWebCrypto()) return null;
  if (await fingerprint(key) !== print) return null;
  const place = h("div", { class: "reply" });
  const open = h("button", { type: "button", class: "button" }, t("reply.open"));
  const problem = h("div");
  open.addEventListener("click", () => busy(open, async () => {
    replace(problem);
    try {
      const { replyForm } = await import("./reply_form.js");
      const form = replyForm({ id, token, key, onSent: (sent) => replace(place, sent) });
      replace(place, form);
      /** @type {HTMLElement} */ (form.querySelector("textarea")).focus();
    } catch {
      replace(problem, notice("bad", t("error.offline")));
    }
  }));
  return replace(place, h("h2", {}, t("reply.title")), h("p", {}, t("reply.lead")),
    h("div", { class: "actions" }, open), problem);
}
