// @ts-check
// Signs in with the private key of an account. The key stays in the tab (session.js).
import { ApiError, call, explain } from "./api.js";
import { busy, h } from "./dom.js";
import { siteName, t } from "./page.js";
import { passwordField } from "./password.js";
import { setKey } from "./session.js";

/**
 * A card that asks for the key; calls `onSignedIn()` once the server accepts it.
 *
 * @param {{ title: TextLike, text: TextLike, onSignedIn: () => unknown }} options
 */
export function signInCard({ title, text, onSignedIn }) {
  const key = passwordField({
    label: t("send.key"), hint: t("send.key_hint"), generator: false, autocomplete: "current-password",
  });
  const heading = h("h1", { tabindex: "-1" }, title);
  const submit = h("button", { type: "submit", class: "button primary" }, t("send.sign_in"));
  const enter = async () => {
    const value = key.value.trim();
    if (!value.startsWith("private_key_")) {
      key.setError(t(value.startsWith("public_key_") ? "send.key_public" : "send.key_wrong"));
      key.control.focus();
      return;
    }
    let account;
    try {
      account = (await call("GET", "api/account", { key: value })).data;
    } catch (error) {
      const isWrong = error instanceof ApiError && [401, 403].includes(error.status);
      key.setError(isWrong ? t("send.key_wrong") : explain(error));
      key.control.focus();
      return;
    }
    try {
      setKey(value, account.name);
    } catch {
      key.setError(t("send.no_storage"));
      return;
    }
    key.control.value = "";
    onSignedIn();
  };
  return h("form", {
    class: "card sign-in", novalidate: true, onsubmit: (event) => {
      event.preventDefault();
      busy(submit, enter);
    },
  }, heading, h("p", {}, text),
  // Password managers store a password under a name.
  h("input", {
    class: "hidden", autocomplete: "username", value: siteName, readonly: true, tabindex: "-1", "aria-hidden": "true",
  }),
  key.node,
  h("div", { class: "actions" },
    submit, h("a", { class: "button quiet", href: "docs" }, t("send.key_what"))));
}

/**
 * Whether a key is still valid; if it was revoked, the page asks for another one.
 *
 * @param {string} key
 */
export async function isKnown(key) {
  try {
    await call("GET", "api/secrets", { key });
    return true;
  } catch (error) {
    return !(error instanceof ApiError && [401, 403].includes(error.status));
  }
}
