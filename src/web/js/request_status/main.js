// @ts-check
// The status of a request for its requester: who has answered when, and the way to each answer. The manage
// token and the private key for the answers are in the fragment; a request of an account needs the key of the
// account instead of the token. Neither is sent, except the token as a header.
import { call } from "../common/api.js";
import { $, announce, h, replace } from "../common/dom.js";
import { linkLine } from "../common/link.js";
import { date, freshOnReturn, root, start, t } from "../common/page.js";
import { getKey } from "../common/session.js";
import { manageToken, privateKey, statusPage } from "../common/status_page.js";
import { fingerprint } from "../crypto/answer_key.js";
import { hasWebCrypto } from "../crypto/engine.js";
import { answerList } from "./answers.js";

/** How often the page looks for new answers while it is in sight. */
const LOOK_MS = 20_000;

const id = location.pathname.split("/").at(-2) ?? "";
let shown = "";
const page = statusPage({
  path: "secret_requests", id, title: t("request_status.title"), whose: t("request_status.whose"),
  gone: t("request_status.gone_text"), home: { href: "ask", text: t("request_status.start") },
  load: () => load(), onGone: () => { shown = ""; },
});

start();
freshOnReturn();
window.addEventListener("hashchange", () => load());
load();
setInterval(() => {
  if (shown && document.visibilityState === "visible" && !$("dialog")) load({ quietly: true });
}, LOOK_MS);

/** @param {{ quietly?: boolean }} options */
async function load({ quietly = false } = {}) {
  if (page.isForgotten()) return page.showGone();
  if (!manageToken() && !getKey()) return page.askForKey();
  try {
    const request = await fetchRequest();
    const found = JSON.stringify(request);
    if (quietly && found === shown) return undefined;
    const isNews = shown !== "" && found !== shown;
    shown = found;
    await show(request, isNews);
  } catch (error) {
    if (quietly && error.status !== 404) return undefined;
    page.showError(error);
  }
  return undefined;
}

/** The request with all its answers. */
async function fetchRequest() {
  /** @type {RequestStatus | null} */
  let whole = null;
  for (let query = ""; ;) {
    const { path, ...rights } = page.asOwner();
    const { data } = await call("GET", `${path}${manageToken() && "/status"}${query}`, rights);
    const part = /** @type {RequestStatus} */ (data);
    if (whole) whole.answers.push(...part.answers);
    else whole = part;
    if (part.next_cursor === null) return whole;
    query = `?cursor=${encodeURIComponent(part.next_cursor)}`;
  }
}

/**
 * @param {RequestStatus} request
 * @param {boolean} isNews
 */
async function show(request, isNews) {
  const { text, kind, isOpen } = state(request);
  const list = await answerList(request, privateKey());
  const print = request.answer_key && hasWebCrypto() ? await fingerprint(request.answer_key) : "";
  const heading = h("h1", { tabindex: "-1" }, t("request_status.title"));
  replace(page.app, h("div", { class: "card" }, heading,
    h("p", { class: `notice ${kind}` }, text),
    request.message && h("blockquote", { class: "pre asked", dir: "auto", translate: "no" }, request.message),
    isOpen && request.expires_at
      && h("p", { class: "muted" }, t("request_status.until", { date: date(request.expires_at) })),
    h("h2", {}, t("request_status.answers")),
    list,
    isOpen && h("h2", {}, t("request_status.link")),
    isOpen && linkLine(`${root}req/${id}${print && `#${print}`}`, { label: t("request_status.link") }),
    page.actions({
      question: {
        title: t("request_status.delete_title"),
        text: t(manageToken() ? "request_status.delete_text" : "request_status.delete_text_account"),
      },
      done: { title: t("request_status.deleted"), text: t("request_status.deleted_text") },
    })));
  if (isNews) announce(text);
  else heading.focus({ preventScroll: true });
}

/**
 * The status in one sentence.
 *
 * @param {RequestStatus} request
 */
function state({ used, limit, expired, expires_at: end }) {
  if (used >= limit) return { kind: "ok", text: t("request_status.all", { count: limit }), isOpen: false };
  const ended = end ? date(end) : "";
  if (expired && used) return { kind: "warn", text: t("request_status.expired", { date: ended }), isOpen: false };
  if (expired) return { kind: "warn", text: t("request_status.expired_none", { date: ended }), isOpen: false };
  if (used) return { kind: "info", text: t("request_status.some", { count: used, max: limit }), isOpen: true };
  return { kind: "info", text: t("request_status.waiting"), isOpen: true };
}
