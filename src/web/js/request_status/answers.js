// @ts-check
// The answers of a request: each with its state, and a link that opens it on the page of the secret, where a
// click spends a view as always.
import { h } from "../common/dom.js";
import { date, t } from "../common/page.js";
import { secretLink } from "../common/secret_link.js";
import { openHalf } from "../crypto/answer_key.js";
import { hasWebCrypto } from "../crypto/engine.js";

/**
 * The list; decrypts the link of each answer here.
 *
 * @param {RequestStatus} request
 * @param {string} privateKey
 */
export async function answerList({ id, answers, answer_key: publicKey }, privateKey) {
  if (!answers.length) return h("p", { class: "muted" }, t("request_status.none"));
  const items = await Promise.all(answers.map(async (answer) => {
    const half = await halfOf(answer, { id, publicKey, privateKey });
    return h("li", {},
      h("span", { class: `badge ${stateOf(answer).kind}` }, stateOf(answer).text),
      h("time", { class: "grow", datetime: answer.created_at },
        t("request_status.came", { date: date(answer.created_at) })),
      ...action(answer, half));
  }));
  return h("ol", { class: "list answers" }, ...items);
}

/**
 * The public half of an answer; "" if it is not here, null if the key does not open it.
 *
 * @param {Answer} answer
 * @param {{ id: string, publicKey: string | null, privateKey: string }} options
 */
async function halfOf({ sealed_part: sealed }, { id, publicKey, privateKey }) {
  if (!sealed || !publicKey) return "";
  if (!privateKey || !hasWebCrypto()) return null;
  return openHalf({ publicKey, privateKey }, id, sealed).catch(() => null);
}

/** @param {Answer} answer */
function stateOf({ view_times: times, max_views: max, expired, draft, viewed_at: viewed }) {
  if (draft) return { kind: "", text: t("request_status.draft") };
  if (times >= max) return { kind: "ok", text: t("request_status.opened", { date: date(viewed ?? "") }) };
  if (expired) return { kind: "", text: t("request_status.gone") };
  return { kind: "warn", text: t("request_status.new") };
}

/**
 * @param {Answer} answer
 * @param {string | null} half
 * @returns {Child[]}
 */
function action({ id, view_times: times, max_views: max, expired, draft }, half) {
  if (draft || expired || times >= max) return [];
  if (half === "") return [h("p", { class: "hint" }, t("request_status.by_link"))];
  if (half === null) {
    return [h("p", { class: "hint" }, t(hasWebCrypto() ? "request_status.no_key" : "request_status.insecure"))];
  }
  return [h("a", {
    class: "button primary", href: secretLink(id, half), target: "_blank", rel: "noopener",
  }, t("request_status.open"))];
}
