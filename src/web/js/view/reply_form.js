// @ts-check
// The form of a reply: one text, encrypted for the sender of the secret.
import { ApiError, explain } from "../common/api.js";
import { busy, field, h, notice, replace } from "../common/dom.js";
import { bytes, t } from "../common/page.js";
import { excess, hand } from "../common/sending.js";
import { settle } from "../common/stakes.js";
import { sealHalf } from "../crypto/answer_key.js";

/**
 * The form; calls `onSent(node)` with what takes its place.
 *
 * @param {{ id: string, token: string, key: string, onSent: (node: Node) => void }} options
 */
export function replyForm({ id, token, key, onSent }) {
  const area = h("textarea", { rows: 5, autocomplete: "off", spellcheck: "false", translate: "no" });
  const written = field(t("reply.text"), area, t("reply.hint"));
  const problem = h("div");
  const button = h("button", { type: "submit", class: "button primary" }, t("reply.submit"));
  area.addEventListener("input", () => written.setError(""));
  const form = h("form", {
    autocomplete: "off", novalidate: true, onsubmit: (event) => {
      event.preventDefault();
      busy(button, send);
    },
  }, h("h2", {}, t("reply.title")), written.node, problem, h("div", { class: "actions" }, button));

  const send = async () => {
    replace(problem);
    const over = excess(area.value, []);
    if (!area.value || over) {
      written.setError(over ? t("reply.too_long", { over: bytes(over) }) : t("reply.nothing"));
      area.focus();
      return;
    }
    try {
      await hand({
        path: `api/public/secrets/${id}/reply`, text: area.value, files: [], fields: { lease: token },
        withHalf: async (half) => ({ sealed_part: await sealHalf(key, id, half) }),
      });
    } catch (error) {
      replace(problem, notice("bad", refusal(error)));
      return;
    }
    settle(form);
    area.value = "";
    onSent(notice("ok", t("reply.sent")));
  };
  return form;
}

/** @param {Error} error */
function refusal(error) {
  if (!(error instanceof ApiError)) return explain(error);
  if (error.status === 409) return t("reply.there");
  if (error.status === 404) return t("reply.gone");
  return error.status === 403 ? t("reply.no_room") : explain(error);
}
