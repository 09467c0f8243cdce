// @ts-check
// The page of a claim link, which signs this browser in to an account.
import { ApiError, call, explain } from "../common/api.js";
import { $, busy, h, notice, replace } from "../common/dom.js";
import { copyLine } from "../common/link.js";
import { start, t } from "../common/page.js";
import { canStoreKey, setKey } from "../common/session.js";

const app = $("#app");
/** The text after # without what a terminal or a mail program may add. */
const token = location.hash.slice(1).replace(/[^0-9a-f]/gi, "").toLowerCase();

start();
if (token.length === 64) ask();
else end(t("claim.cut_title"), t("claim.cut_text"));

/** @param {...Node} notes */
function ask(...notes) {
  const submit = h("button", { type: "submit", class: "button primary" }, t("claim.sign_in"));
  replace(app, h("form", {
    class: "card narrow", onsubmit: (event) => {
      event.preventDefault();
      busy(submit, signIn);
    },
  }, h("h1", { tabindex: "-1" }, t("claim.title")), ...notes, h("p", {}, t("claim.text")),
  h("div", { class: "actions" }, submit)));
  if (notes.length) $("h1", app).focus();
}

async function signIn() {
  // Before the link is used: a key that cannot be stored would be lost.
  if (!canStoreKey()) {
    ask(notice("bad", t("send.no_storage")));
    return;
  }
  try {
    const { data } = await call("POST", "api/public/claims", { body: { token } });
    setKey(data.private_key, data.account);
    welcome(data);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) end(t("claim.gone_title"), t("claim.gone_text"));
    else ask(notice("bad", explain(error)));
  }
}

/** @param {{ account: string, private_key: string }} claimed */
function welcome({ account, private_key: key }) {
  // The link is used, so it does not belong in the history.
  history.replaceState(null, "", location.pathname + location.search);
  replace(app, h("section", { class: "card narrow" },
    h("h1", { tabindex: "-1" }, t("claim.done_title")),
    h("p", {}, t("claim.done_text", { account })),
    h("p", {}, t("claim.key_text")),
    copyLine(key, t("send.key")),
    h("div", { class: "actions" },
      h("a", { class: "button primary", href: "manage" }, t("claim.manage")),
      h("a", { class: "button", href: "./" }, t("claim.send")))));
  $("h1", app).focus();
}

/**
 * @param {TextLike} title
 * @param {TextLike} text
 */
function end(title, text) {
  history.replaceState(null, "", location.pathname + location.search);
  replace(app, h("section", { class: "card narrow" },
    h("h1", { tabindex: "-1" }, title), h("p", {}, text),
    h("p", {}, h("code", {}, "sealdrop claim")),
    h("div", { class: "actions" }, h("a", { class: "button", href: "manage" }, t("claim.with_key")))));
  $("h1", app).focus();
}
