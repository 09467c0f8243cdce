// @ts-check
// A few choices side by side, of which the last may be "custom", with a control of its own.
import { h } from "./dom.js";
import { setText, write } from "./live.js";

let choices = 0;

/**
 * Radio buttons in a row: `{ node, control, value, setError(text) }`. `options` are values with their
 * labels; the one that is `chosen` is checked. `custom`, a control with its label, is shown while its value
 * `CUSTOM` is checked. `onChange()` is called at each change, also of the custom control.
 *
 * @param {TextLike} legend
 * @param {{ value: string | number, label: TextLike }[]} options
 * @param {{ chosen: string | number, custom?: { label: TextLike, control: HTMLInputElement, name: TextLike },
 *   onChange?: () => void }} more
 */
export function choiceField(legend, options, { chosen, custom, onChange = () => {} }) {
  const id = `choice-${++choices}`;
  const error = h("p", { class: "error", id: `${id}-error`, hidden: true });
  /** @param {{ value: string | number, label: TextLike }} option */
  const radio = ({ value, label }) => h("label", {}, h("input", {
    type: "radio", name: id, value: String(value), checked: String(value) === String(chosen),
    autocomplete: "off", onchange: () => changed(),
  }), label);
  const row = h("div", { class: "choice segments" }, ...options.map(radio),
    custom && radio({ value: CUSTOM, label: custom.label }));
  const place = custom && h("div", { class: "custom", hidden: String(chosen) !== CUSTOM }, custom.control);
  const node = h("fieldset", { class: "field" }, h("legend", {}, legend), row, place, error);
  const value = () => /** @type {HTMLInputElement} */ (row.querySelector(":checked")).value;
  /** @param {TextLike} text */
  const setError = (text) => {
    write(error, text);
    error.hidden = !text;
    if (text) custom?.control.setAttribute("aria-invalid", "true");
    else custom?.control.removeAttribute("aria-invalid");
  };
  const changed = () => {
    setError("");
    // The focus stays: arrow keys may only pass by.
    if (place) place.hidden = value() !== CUSTOM;
    onChange();
  };
  if (custom) {
    custom.control.setAttribute("aria-describedby", error.id);
    setText(custom.control, "aria-label", custom.name);
    custom.control.addEventListener("input", changed);
  }
  return {
    node, setError,
    control: custom?.control ?? /** @type {HTMLInputElement} */ (row.querySelector("input")),
    get value() { return value(); },
    get isCustom() { return value() === CUSTOM; },
  };
}

/** The value of the custom choice. */
export const CUSTOM = "custom";
