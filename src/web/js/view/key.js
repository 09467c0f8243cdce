// @ts-check
// The pages for a missing or wrong key: a field to paste it into. No view is spent here.

import { explain } from "../common/api.js";
import { CannotOpen } from "../crypto/secret.js";
import { busy, field, h } from "../common/dom.js";
import { fragmentOf, partsOfText } from "../common/link_parts.js";
import { t } from "../common/page.js";
import { card } from "./ends.js";

/** The length of a key that was made here, in a link. */
const OWN_KEY = 24;

/**
 * The link has no key. `onKey(publicHalf)` gets one, and the page starts again.
 *
 * @param {{ id: string, onKey: (half: string) => unknown }} options
 */
export function noKeyPage({ id, onKey }) {
  return card(t("view.no_key"), h("p", {}, t("view.no_key_text")), keyForm({
    id,
    button: t("view.key_use"),
    onKey: (found) => {
      onKey(found);
      location.reload();
    },
  }));
}

/**
 * The key is shorter than keys that are made here. No view is spent: `onKey` as above, `onWhole()` if the
 * user says that the key is complete.
 *
 * @param {{ id: string, half: string, onKey: (half: string) => unknown, onWhole: () => void }} options
 */
export function cutKeyPage({ id, half, onKey, onWhole }) {
  const given = fragmentOf(half).replace(/=+$/, "").length;
  return card(t("view.cut"), h("p", {}, t("view.cut_text", { count: given, usual: OWN_KEY })), keyForm({
    id,
    button: t("view.key_use"),
    onKey: (found) => {
      onKey(found);
      location.reload();
    },
  }), h("details", {}, h("summary", {}, t("view.cut_whole")),
    h("p", {}, t("view.cut_whole_text")),
    h("div", { class: "actions" },
      h("button", { type: "button", class: "button", onclick: onWhole }, t("view.cut_go_on")))));
}

/**
 * The key does not open the ciphertext. `onKey(publicHalf)` throws CannotOpen if the new half does not
 * either.
 *
 * @param {{ id: string, onKey: (half: string) => unknown }} options
 */
export function wrongKeyPage({ id, onKey }) {
  return card(t("view.wrong_key"), h("p", {}, t("view.wrong_key_text")), keyForm({
    id, button: t("view.key_try"), onKey,
  }));
}

/** @param {{ id: string, button: TextLike, onKey: (half: string) => unknown }} options */
function keyForm({ id, button, onKey }) {
  const control = h("textarea", {
    class: "mono key", rows: 3, "data-fleeting": true, autocomplete: "off", spellcheck: "false",
    autocapitalize: "none", translate: "no",
  });
  const { node, setError } = field(t("view.key_field"), control, t("view.key_hint"));
  const submit = h("button", { class: "button primary" }, button);
  /** @param {TextLike} text */
  const refuse = (text) => {
    setError(text);
    control.focus();
  };
  const use = async () => {
    const parts = partsOfText(control.value);
    if (!control.value.trim()) return refuse(t("view.key_empty"));
    if (parts.id && parts.id !== id) return refuse(t("view.key_other"));
    if (!parts.publicHalf) return refuse(t("view.key_none"));
    try {
      return await onKey(parts.publicHalf);
    } catch (error) {
      return refuse(error instanceof CannotOpen ? t("view.key_again") : explain(error));
    }
  };
  const form = h("form", { novalidate: true }, node, h("div", { class: "actions" }, submit));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    busy(submit, use);
  });
  control.addEventListener("input", () => setError(""));
  return form;
}
