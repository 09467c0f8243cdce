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
  line.after(meter, h("div", { class: "actions generator" },
    h("button", {
      type: "button", class: "button small",
      onclick: async () => use(await (await words()).randomWords()),
    }, t("password.words")),
    h("button", {
      type: "button", class: "button small", onclick: async () => use((await words()).randomCharacters()),
    }, t("password.characters")),
    copy,
  ));
  return parts;
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
