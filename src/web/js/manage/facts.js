// @ts-check
// What the open row of a list shows about an item, and the item's name.
import { h } from "../common/dom.js";
import { t } from "../common/page.js";

/**
 * Names and values; those without a value are left out.
 *
 * @param {...[TextLike, Child]} entries
 */
export function facts(...entries) {
  const empty = [null, undefined, "", false];
  return h("dl", {}, ...entries.filter(([, value]) => !empty.some((nothing) => value === nothing))
    .flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

/**
 * A text of a user, with its line breaks.
 *
 * @param {string | null} text
 */
export function written(text) {
  return text ? h("span", { class: "pre", translate: "no" }, text) : null;
}

/**
 * The name of an item as a text.
 *
 * @param {{ id: string, description: string | null, message: string | null }} item
 */
export function nameOf({ description, message, id }) {
  return description || message || id;
}

/**
 * The name of an item: its description, its message, or only its id.
 *
 * @param {{ id: string, description: string | null, message: string | null }} item
 */
export function called({ description, message, id }) {
  const text = description || message;
  return h("div", {},
    text
      ? h("span", { class: "named", translate: "no" }, text)
      : h("span", { class: "muted" }, t("manage.no_description")),
    h("span", { class: "mono muted small id", translate: "no" }, id));
}
