// @ts-check
// The page that asks for a secret: one form, then the link to send and the status link, which opens the
// answers. The key pair for the answers is made here; the private key is in the status link only.
import { ApiError, call, explain } from "../common/api.js";
import { choiceField } from "../common/choice.js";
import { $, busy, h, notice, replace } from "../common/dom.js";
import { expirationChoice } from "../common/expiration.js";
import { focusWrong, shortText } from "../common/form.js";
import { write } from "../common/live.js";
import { mayLeaveLink } from "../common/link.js";
import { config, date, freshOnReturn, number, start, t } from "../common/page.js";
import { getKey, signOut } from "../common/session.js";
import { signInCard } from "../common/sign_in.js";
import { settle } from "../common/stakes.js";
import { fingerprint, newAnswerKey } from "../crypto/answer_key.js";
import { hasWebCrypto } from "../crypto/engine.js";
import { resultCard } from "./result.js";

/** The most answers of a request of an account, and of one without. */
const [MAX_LIMIT, MAX_OPEN_LIMIT] = [1000, 100];

const app = $("#app");

start();
freshOnReturn();
begin();
// "Back" from the link leads to an empty form, not out of the site.
window.addEventListener("popstate", async () => {
  if (!$(".asked-link", app)) return;
  if (await mayLeaveLink()) begin({ focus: true });
  else history.pushState({ made: true }, "");
});

function begin({ focus = false } = {}) {
  if (config.create === "account" && !getKey()) {
    replace(app, signInCard({
      title: t("ask.title"), text: t("ask.account_only"), onSignedIn: () => begin({ focus: true }),
    }));
    return;
  }
  replace(app, formCard());
  if (focus) $("textarea", app).focus();
}

/**
 * How many answers the request takes: one, or another number up to `max`. `{ node, setError, value, check() }`.
 *
 * @param {number} max
 */
function limitChoice(max) {
  const count = h("input", {
    type: "number", min: 1, max, step: 1, value: 5, inputmode: "numeric", autocomplete: "off",
  });
  const field = choiceField(t("ask.answers"), [{ value: 1, label: t("ask.one_answer") }], {
    chosen: 1, custom: { label: t("create.custom"), control: count, name: t("ask.custom_answers") },
  });
  const value = () => Number(field.isCustom ? count.value : field.value);
  return {
    node: field.node, setError: field.setError,
    get value() { return value(); },
    check: () => {
      const isRight = Number.isInteger(value()) && value() >= 1 && value() <= max;
      if (!isRight) field.setError(t("ask.wrong_answers", { max: number(max) }));
      return isRight;
    },
  };
}

function formCard() {
  const message = shortText(t("ask.message"), t("ask.message_hint"));
  const until = h("p", { class: "hint" });
  const tellEnd = () => write(until, expiration.end ? t("ask.until", { date: date(expiration.end) }) : "");
  const expiration = expirationChoice({ onChange: tellEnd });
  tellEnd();
  const limit = limitChoice(getKey() ? MAX_LIMIT : MAX_OPEN_LIMIT);
  const place = h("div", { class: "place" });
  const button = h("button", { type: "submit", class: "button primary big" }, t("ask.submit"));
  /** @type {Record<string, { setError: (text: TextLike) => void }>} */
  const fields = { message, expiration, expires_at: expiration, limit };
  const form = h("form", {
    class: "card", autocomplete: "off", novalidate: true, onsubmit: (event) => {
      event.preventDefault();
      if ([message, expiration, limit].map((part) => part.check()).every(Boolean)) busy(button, submit);
      else focusWrong(form);
    },
  },
  h("h1", { tabindex: "-1" }, t("ask.title")),
  h("p", { class: "lead muted" }, t(hasWebCrypto() ? "ask.lead" : "ask.lead_plain")),
  message.node, h("div", { class: "row settings-row" }, expiration.node, limit.node), until,
  h("div", { class: "actions" }, button), place);

  const submit = async () => {
    replace(place);
    const key = getKey();
    try {
      const pair = hasWebCrypto() ? await newAnswerKey() : null;
      const { data } = await call("POST", key ? "api/secret_requests" : "api/public/secret_requests", {
        key, body: {
          message: message.control.value.trim() || undefined, ...expiration.fields,
          limit: limit.value, answer_key: pair?.publicKey,
        },
      });
      settle(form);
      history.pushState({ made: true }, "");
      const card = resultCard({
        id: data.id, token: data.manage_token ?? "", limit: limit.value,
        privateKey: pair?.privateKey ?? "", print: pair ? await fingerprint(pair.publicKey) : "",
        onAgain: async () => await mayLeaveLink() && begin({ focus: true }),
      });
      replace(app, card);
      $("h1", card).focus();
      window.scrollTo(0, 0);
    } catch (error) {
      tell(error, key);
    }
  };

  /**
   * @param {Error} error
   * @param {string | null} key
   */
  const tell = (error, key) => {
    const at = error instanceof ApiError && error.field !== null ? fields[error.field] : undefined;
    if (at) {
      at.setError(error.message);
      focusWrong(form);
      return;
    }
    if (key && error instanceof ApiError && error.status === 401) signOut();
    replace(place, notice("bad", explain(error)));
    button.focus({ preventScroll: true });
  };
  return form;
}
