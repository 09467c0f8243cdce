// @ts-check
// The two choices of the form: how long the request lives, and how many answers it takes.
import { now } from "../common/clock.js";
import { field, h } from "../common/dom.js";
import { write } from "../common/live.js";
import { config, date, lifetime, number, t } from "../common/page.js";

const LIFETIMES = [1, 24, 168];
const DAY_HOURS = 24;

/**
 * A value out of a few, or another one. `{ node, value, setError(text), check() }`.
 *
 * @param {{ legend: TextLike, name: string, choices: { value: number, label: TextLike }[], chosen: number,
 *   other: Field<HTMLElement>, otherValue: () => number | null, wrong: TextLike,
 *   onChange?: (value: number | null) => void }} options
 */
function choice({ legend, name, choices, chosen, other, otherValue, wrong, onChange = () => {} }) {
  let value = /** @type {number | null} */ (chosen);
  other.node.hidden = true;
  const current = () => value ?? otherValue();
  const pick = (/** @type {number | null} */ picked) => {
    value = picked;
    other.node.hidden = picked !== null;
    other.setError("");
    onChange(current());
    if (picked === null) other.control.focus();
  };
  /**
   * @param {number | null} picked
   * @param {TextLike} label
   */
  const radio = (picked, label) => h("label", {},
    h("input", {
      type: "radio", name, value: picked ?? "other", checked: picked === chosen,
      onchange: () => pick(picked),
    }), label);
  other.node.addEventListener("input", () => {
    other.setError("");
    onChange(current());
  });
  const node = h("fieldset", { class: "field" }, h("legend", {}, legend),
    h("div", { class: "choice" }, ...choices.map((one) => radio(one.value, one.label)),
      radio(null, t("ask.custom"))),
    other.node);
  onChange(current());
  return {
    node,
    get value() { return /** @type {number} */ (current()); },
    setError: (/** @type {TextLike} */ text) => {
      other.node.hidden = false;
      other.setError(text);
    },
    check: () => {
      if (current() !== null) return true;
      other.setError(wrong);
      return false;
    },
  };
}

/**
 * A whole number in bounds, or null.
 *
 * @param {string} text
 * @param {number} min
 * @param {number} max
 */
function whole(text, min, max) {
  const value = Number(text);
  return /^\d{1,6}$/.test(text) && value >= min && value <= max ? value : null;
}

/** @param {{ min: number, max: number, value: number }} options */
function numberInput({ min, max, value }) {
  return h("input", { type: "number", min, max, step: 1, value, inputmode: "numeric", autocomplete: "off" });
}

/** How long the request lives, in hours. */
export function expirationChoice() {
  const { min, max, default: standard } = config.expiration;
  const hours = LIFETIMES.filter((value) => value >= min && value <= max);
  if (standard && !hours.includes(standard)) hours.push(standard);
  if (!hours.length) hours.push(max);
  hours.sort((a, b) => a - b);
  const chosen = hours.includes(standard) ? standard : hours[hours.length - 1];
  const byDays = max >= 2 * DAY_HOURS;
  const [count, unit] = [numberInput({ min: 1, max, value: byDays ? 3 : min }), h("select", { autocomplete: "off" },
    byDays && h("option", { value: DAY_HOURS, selected: true }, t("ask.days")),
    h("option", { value: 1 }, t("ask.hours")))];
  unit.setAttribute("aria-label", String(t("ask.unit")));
  const other = field(t("ask.custom_time"), count);
  count.after(unit);
  const until = h("p", { class: "hint" });
  const made = choice({
    legend: t("ask.expires"), name: "expires", chosen, other,
    choices: hours.map((value) => ({ value, label: lifetime(value) })),
    otherValue: () => {
      const scale = Number(unit.value);
      const value = whole(count.value, 1, max);
      return value !== null && value * scale >= min && value * scale <= max ? value * scale : null;
    },
    wrong: t("ask.wrong_time", { min: lifetime(min), max: lifetime(max) }),
    onChange: (value) => write(until, value === null
      ? "" : t("ask.until", { date: date(new Date(now() + value * 3_600_000)) })),
  });
  made.node.append(until);
  return made;
}

/** @param {number} max */
export function limitChoice(max) {
  const count = numberInput({ min: 1, max, value: 5 });
  return choice({
    legend: t("ask.answers"), name: "answers", chosen: 1, other: field(t("ask.custom_answers"), count),
    choices: [{ value: 1, label: t("ask.one_answer") }],
    otherValue: () => whole(count.value, 1, max),
    wrong: t("ask.wrong_answers", { max: number(max) }),
  });
}
