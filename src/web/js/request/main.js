// @ts-check
// The page of a secret request: the question and the form to answer it. The form is in
// ../common/secret_form.js.
import { ApiError, call, explain, Offline } from "../common/api.js";
import { $, busy, h, notice, replace } from "../common/dom.js";
import { focusWrong } from "../common/form.js";
import { linkPanel, mayLeaveLink } from "../common/link.js";
import { date, lifetime, start, t } from "../common/page.js";
import { contentForm, deliver } from "../common/secret_form.js";
import { secretLink } from "../common/secret_link.js";
import { fingerprint, sealHalf } from "../crypto/answer_key.js";
import { hasWebCrypto } from "../crypto/engine.js";

const app = $("#app");
const id = location.pathname.split("/").at(-1) ?? "";
/** The fingerprint of the requester's key after the #; a damaged one is ignored. */
const PRINT = /^#([\w-]{22})(?![\w-])/;
/** Whether a request was sent without an answer: the secret may exist. */
let isLost = false;

start();
// "Back" from a link loads the request again.
window.addEventListener("popstate", async () => {
  if (!$(".handed", app)) return;
  if (await mayLeaveLink()) load();
  else history.pushState({ made: true }, "");
});
load();

async function load() {
  try {
    const { data } = await call("GET", `api/public/secret_requests/${id}`);
    show(data, await sealingFor(data));
  } catch (error) {
    if (error.status === 404) showGone();
    else showError(error);
  }
}

/**
 * How the answer reaches the requester: encrypted for their key, or ("link") by a link that the person who
 * answers sends back. "other" is the same, because the server names another key than the link of the request.
 *
 * @typedef {"sealed" | "link" | "other"} Sealing
 */

/**
 * @param {AskedRequest} asked
 * @returns {Promise<Sealing>}
 */
async function sealingFor({ answer_key: key }) {
  if (!key || !hasWebCrypto()) return "link";
  const wanted = PRINT.exec(location.hash)?.[1];
  return wanted && wanted !== await fingerprint(key) ? "other" : "sealed";
}

/**
 * @param {AskedRequest} asked
 * @param {Sealing} sealing
 */
function show(asked, sealing) {
  const content = contentForm();
  const place = h("div", { class: "place" });
  const button = h("button", { type: "submit", class: "button primary big" },
    t(asked.send_to_email || sealing === "sealed" ? "request.submit_mail" : "request.submit"));
  const form = h("form", {
    class: "card", autocomplete: "off", novalidate: true, onsubmit: (event) => {
      event.preventDefault();
      if (content.check()) submit();
      else focusWrong(form);
    },
  },
  h("h1", { tabindex: "-1" }, t("request.title")),
  asked.message
    ? h("blockquote", { class: "pre asked", translate: "no" }, asked.message)
    : h("p", { class: "lead" }, t("request.no_message")),
  asked.expires_at && h("p", { class: "muted" }, t("request.until", { date: date(asked.expires_at) })),
  content.node,
  sealing === "other" && notice("warn", t("request.other_key")),
  whatHappens(asked, sealing),
  h("div", { class: "actions" }, button));
  const submit = async () => {
    const made = await deliver({
      form, button, place, fields: content.fields, explained: refusal,
      request: () => ({
        path: `api/public/secret_requests/${id}/secrets`, text: content.text, files: content.files,
        mailed: Boolean(asked.send_to_email),
        withHalf: sealing === "sealed" ? (half) => sealed(asked, half) : undefined,
      }),
    });
    if (!made) return;
    history.pushState({ made: true }, "");
    showResult(asked, sealing, made);
  };
  replace(app, form, place);
}

/**
 * @param {AskedRequest} asked
 * @param {string} half
 */
async function sealed({ answer_key: key }, half) {
  return { sealed_part: await sealHalf(/** @type {string} */ (key), id.toLowerCase(), half) };
}

/**
 * What happens to the answer, and who can read it.
 *
 * @param {{ secret: AskedRequest["secret"], send_to_email: string | null }} options
 * @param {Sealing} sealing
 */
function whatHappens({ secret, send_to_email: email }, sealing) {
  /** @param {TextLike} text */
  const item = (text) => h("li", {}, text);
  const views = t("link.views", { count: secret.max_views });
  return h("div", { class: "notice info what" },
    h("h2", {}, t("request.what")),
    h("ul", {},
      item(t("request.encrypted")),
      ...wayBack(email, sealing).map(item),
      item(secret.expiration
        ? t("request.lives", { views, time: lifetime(secret.expiration) })
        : t("request.lives_ever", { views })),
      secret.password && item(t("request.password")),
      secret.message && h("li", {}, t("request.message"),
        h("blockquote", { class: "pre", translate: "no" }, secret.message))));
}

/**
 * @param {string | null} email
 * @param {Sealing} sealing
 */
function wayBack(email, sealing) {
  if (email) return [t("request.mailed", { email }), t("request.who_mail")];
  if (sealing === "sealed") return [t("request.to_requester"), t("request.who_sealed")];
  return [t("request.link_back"), t("request.who")];
}

/** @param {Error} error */
function refusal(error) {
  if (error instanceof Offline) isLost = true;
  if (!(error instanceof ApiError)) return null;
  if (error.status === 404) return t(isLost ? "request.ended_perhaps" : "request.ended_meanwhile");
  if (error.status === 403) return t("request.no_room");
  if (error.field === "send_to_email") return t("request.no_mail");
  if (error.field === "password_part_public") return t("request.changed");
  return null;
}

/**
 * @param {AskedRequest} asked
 * @param {Sealing} sealing
 * @param {{ data: NewSecret, publicHalf: string }} options
 */
function showResult(asked, sealing, { data, publicHalf }) {
  isLost = false;
  const email = asked.send_to_email;
  const heading = h("h1", { tabindex: "-1" }, t(email || sealing === "sealed" ? "request.sent" : "request.ready"));
  const again = h("button", { type: "button", class: "button" }, t("request.another"));
  again.addEventListener("click", () => busy(again, async () => await mayLeaveLink() && load()));
  const link = () => [
    h("p", {}, t("request.ready_text")),
    linkPanel({
      link: secretLink(data.id, publicHalf), id: data.id, publicHalf, expiresAt: data.expires_at,
      maxViews: asked.secret.max_views, hasPassword: false, warning: t("request.only_now"),
    }),
  ];
  replace(app, h("div", { class: "card handed" }, heading,
    ...(email ? [h("p", {}, t("request.sent_text", { email }))]
      : sealing === "sealed" ? [h("p", {}, t("request.sealed_text"))] : link()),
    asked.uses_left > 1 && h("div", { class: "actions" }, again)));
  heading.focus();
  window.scrollTo(0, 0);
}

function showGone() {
  const heading = h("h1", { tabindex: "-1" }, t("request.gone"));
  replace(app, h("div", { class: "card" }, heading, h("p", {}, t("request.gone_text"))));
  heading.focus({ preventScroll: true });
}

/** @param {Error} error */
function showError(error) {
  const again = h("button", { type: "button", class: "button primary" }, t("request.again"));
  again.addEventListener("click", () => busy(again, load));
  replace(app, h("div", { class: "card" }, h("h1", {}, t("request.title")), notice("bad", explain(error)),
    h("div", { class: "actions" }, again)));
}
