// @ts-check
// A field for a password: hidden or shown, with its strength and a generator. words.js computes the strength
// and generates passwords.
import { announce, copyButton, field, h } from "./dom.js";
import { setText, write } from "./live.js";
import { t } from "./page.js";

const LEVELS = ["guessed", "weak", "fair", "strong", "very_strong"];

/**
 * `{ node, control, value, setError(text) }`. With `generator` it shows the strength and can generate a
 * password; without, it is for an existing password.
 *
 * @param {{ label: TextLike, hint?: TextLike, generator?: boolean, autocomplete?: string, required?: boolean,
 *   onChange?: (value: string) => void }} options
 */
export function passwordField({
  label, hint = "", generator = true, autocomplete = "new-password", required = false, onChange = () => {},
}) {
  const control = h("input", {
    type: "password", autocomplete, required, spellcheck: "false", autocapitalize: "none", maxlength: 1000,
    // An existing password is no loss if the page is left.
    "data-fleeting": !generator,
  });
  const made = field(label, control, hint);
  const show = h("button", {
    type: "button", class: "button", "aria-pressed": "false", "aria-label": t("password.show_long"),
    onclick: () => reveal(control.type === "password"),
  }, t("password.show"));
  /** @param {boolean} visible */
  const reveal = (visible) => {
    control.type = visible ? "text" : "password";
    show.setAttribute("aria-pressed", String(visible));
    write(show, t(visible ? "password.hide" : "password.show"));
    setText(show, "aria-label", t(visible ? "password.hide_long" : "password.show_long"));
  };
  const line = h("div", { class: "password" });
  control.before(line);
  line.append(control, show);
  const changed = () => {
    made.setError("");
    onChange(control.value);
  };
  control.addEventListener("input", changed);
  const parts = {
    node: made.node, control, setError: made.setError, get value() { return control.value; },
  };
  if (!generator) return parts;

  const meter = meterOf(control);
  /** @param {string} password */
  const use = (password) => {
    control.value = password;
    reveal(true);
    control.dispatchEvent(new Event("input", { bubbles: true }));
    announce(t("password.made"));
    control.focus();
  };
  const copy = copyButton(() => control.value, t("password.copy"), { class: "button small", hidden: true });
  control.addEventListener("input", () => { copy.hidden = !control.value; });
  line.after(meter, generatorOf(use, copy));
  return parts;
}

/** What the generator makes: how many words or characters, with the fewest, the most and the usual number. */
const KINDS = { words: { min: 3, max: 12, usual: 5 }, characters: { min: 8, max: 64, usual: 16 } };

/**
 * The choices of a generated password; `use(password)` gets it.
 *
 * @param {(password: string) => void} use
 * @param {HTMLElement} copy
 */
function generatorOf(use, copy) {
  const kind = h("select", { autocomplete: "off", "data-fleeting": true, "aria-label": t("password.kind") },
    h("option", { value: "words" }, t("password.words")),
    h("option", { value: "characters" }, t("password.characters")));
  const length = h("input", {
    type: "number", step: 1, inputmode: "numeric", autocomplete: "off", "data-fleeting": true,
    "aria-label": t("password.length"),
  });
  const limits = () => KINDS[/** @type {keyof typeof KINDS} */ (kind.value)];
  const reset = () => {
    const { min, max, usual } = limits();
    length.min = String(min);
    length.max = String(max);
    length.value = String(usual);
  };
  reset();
  kind.addEventListener("change", reset);
  const make = async () => {
    const { min, max, usual } = limits();
    const count = Math.min(max, Math.max(min, Math.round(Number(length.value)) || usual));
    length.value = String(count);
    const { randomCharacters, randomWords } = await words();
    use(kind.value === "words" ? await randomWords(count) : randomCharacters(count));
  };
  return h("div", { class: "actions generator" },
    h("button", { type: "button", class: "button small", onclick: make }, t("password.generate")),
    length, kind, copy);
}

/** Loaded with the first field for a new password; other fields do not need it. */
function words() {
  return import("./words.js");
}

/**
 * The strength as a bar and in words. Screen readers read the words after typing stops.
 *
 * @param {HTMLInputElement} control
 */
function meterOf(control) {
  const max = LEVELS.length;
  const bar = h("meter", { min: 0, max, low: 2.5, high: 3.5, optimum: max, "aria-hidden": "true" });
  const told = h("p", { class: "hint" });
  const node = h("div", { class: "strength", hidden: true }, bar, told);
  const loaded = words();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let waiting;
  control.addEventListener("input", async () => {
    const { strength } = await loaded;
    node.hidden = !control.value;
    clearTimeout(waiting);
    if (!control.value) return;
    const { level } = strength(control.value);
    bar.value = level + 1;
    write(told, t("password.strength." + LEVELS[level]));
    waiting = setTimeout(() => announce(told.textContent), 1000);
  });
  return node;
}
