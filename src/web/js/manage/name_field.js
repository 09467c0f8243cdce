// @ts-check
// A name in one line: the account's own, or that of an API key.
import { ApiError } from "../common/api.js";
import { field, h } from "../common/dom.js";
import { t } from "../common/page.js";

/** The longest name, in characters. */
const MAX_NAME = 60;

/**
 * @param {TextLike} label
 * @param {string | null} value
 * @param {TextLike} hint
 */
export function nameField(label, value, hint) {
  return field(label, h("input", {
    type: "text", autocomplete: "off", maxlength: MAX_NAME, value: value ?? "",
  }), hint);
}

/**
 * Lets `save` send the name, null for none. Returns whether the server has accepted it: an error about its field
 * `api` is shown at the name.
 *
 * @param {ReturnType<typeof nameField>} name
 * @param {string} api
 * @param {(text: string | null) => Promise<void>} save
 */
export async function saveName(name, api, save) {
  name.setError("");
  try {
    await save(name.control.value.trim() || null);
    return true;
  } catch (error) {
    if (!(error instanceof ApiError && error.field === api)) throw error;
    name.setError(t("manage.display_name_wrong"));
    name.control.focus();
    return false;
  }
}
