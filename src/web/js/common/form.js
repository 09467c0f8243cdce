// @ts-check
// Parts of forms that send no secret, too.
import { field, h } from "./dom.js";
import { t } from "./page.js";

/** The most characters of a message or description. */
const MAX_CHARS = 1_000;

/**
 * A field for a message or description that shows when it is too long: as `field()`, with `check()`.
 *
 * @param {TextLike} label
 * @param {TextLike} [hint]
 */
export function shortText(label, hint) {
  const control = h("textarea", { rows: 2, class: "short", autocomplete: "off" });
  const made = field(label, control, hint);
  const check = () => {
    const over = [...control.value].length - MAX_CHARS;
    made.setError(over > 0 ? t("send.short_long", { count: over, max: MAX_CHARS }) : "");
    return over <= 0;
  };
  control.addEventListener("input", check);
  return { ...made, check };
}

/**
 * Moves the focus to the first invalid field.
 *
 * @param {HTMLElement} form
 */
export function focusWrong(form) {
  /** @type {HTMLElement | null} */
  const wrong = form.querySelector("[aria-invalid=true]");
  // The field may be in a closed section.
  wrong?.closest("details")?.setAttribute("open", "");
  wrong?.focus();
}
