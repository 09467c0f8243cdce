// @ts-check
// Builds and changes elements. Text is always set as text, so a stranger's text never becomes markup.
import { LiveText, setText, textNode, write } from "./live.js";
import { t } from "./page.js";

/**
 * Creates an element: `h("p", { class: "hint", onclick: f }, "text", other)`. An attribute that is `true` has
 * no value; `false`, `null` and `undefined` are left out, also among the children. Texts of `t` follow the
 * language of the page.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Props} [props]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    // As properties: the attributes are only the start values.
    else if (name === "value" || name === "checked" || name === "disabled") {
      /** @type {Record<string, unknown>} */ (/** @type {unknown} */ (node))[name] = value;
    }
    else setText(node, name, value === true ? "" : /** @type {TextLike} */ (value));
  }
  node.append(...nodesOf(children));
  return node;
}

/**
 * @param {readonly Child[]} children
 * @returns {(Node | string)[]}
 */
function nodesOf(children) {
  const flat = /** @type {readonly unknown[]} */ (children).flat(Infinity);
  return /** @type {(Node | TextLike | false | null | undefined)[]} */ (flat)
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof LiveText ? textNode(child) : child));
}

/**
 * Replaces the content of `node`.
 *
 * @template {Element} N
 * @param {N} node
 * @param {...Child} children
 */
export function replace(node, ...children) {
  node.replaceChildren(...nodesOf(children));
  return node;
}

/**
 * The first element that matches. The caller knows that it exists, or uses `?.`.
 *
 * @param {string} selector
 * @param {ParentNode} within
 */
export function $(selector, within = document) {
  return /** @type {HTMLElement} */ (within.querySelector(selector));
}

/** The keys that lead to the next and to the previous of several controls side by side. */
export function arrowKeys() {
  const keys = ["ArrowRight", "ArrowLeft"];
  return document.documentElement.dir === "rtl" ? keys.reverse() : keys;
}

/** How long an announcement stays in the document. */
const SAID_MS = 5_000;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let said;

/**
 * Announces a text to screen readers. It is removed after a while, because it may no longer be true.
 *
 * @param {TextLike} text
 */
export function announce(text) {
  const place = $("#announce");
  place.textContent = "";
  clearTimeout(said);
  // Screen readers read the same text again only if it was removed in between.
  requestAnimationFrame(() => { place.textContent = String(text); });
  said = setTimeout(() => { place.textContent = ""; }, SAID_MS);
}

/**
 * Copies `text` to the clipboard; `false` if the browser does not allow it.
 *
 * @param {string} text
 */
export async function copy(text) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Without permission, the old way may work.
    }
  }
  const area = h("textarea", { readonly: true, class: "hidden", value: text, "aria-hidden": "true" });
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  focused?.focus();
  return done;
}

/**
 * A button that copies the result of `getText` and confirms it; calls `onCopied()` on success. With `isLasting`
 * the confirmation stays.
 *
 * @param {() => string} getText
 * @param {TextLike} label
 * @param {Props} props
 * @param {{ onCopied?: () => void, isLasting?: boolean }} options
 */
export function copyButton(
  getText, label = t("common.copy"), props = {}, { onCopied = () => {}, isLasting = false } = {},
) {
  const button = h("button", { type: "button", class: "button", ...props }, label);
  button.addEventListener("click", async () => {
    const done = await copy(getText());
    if (done) onCopied();
    const told = t(done ? "common.copied" : "common.not_copied");
    announce(told);
    write(button, told);
    button.classList.toggle("done", done);
    if (done && isLasting) return;
    setTimeout(() => {
      write(button, label);
      button.classList.remove("done");
    }, 2000);
  });
  return button;
}

/**
 * Marks a button as busy during `work`, and ignores clicks meanwhile.
 *
 * @template T
 * @param {HTMLElement} button
 * @param {() => T | Promise<T>} work
 */
export async function busy(button, work) {
  if (button.getAttribute("aria-busy") === "true") return undefined;
  button.setAttribute("aria-busy", "true");
  button.setAttribute("aria-disabled", "true");
  try {
    return await work();
  } finally {
    button.removeAttribute("aria-busy");
    button.removeAttribute("aria-disabled");
  }
}

/**
 * Asks for confirmation of something that cannot be undone; true for yes.
 *
 * @param {{ title: TextLike, text: TextLike, yes: TextLike, danger?: boolean }} options
 * @returns {Promise<boolean>}
 */
export function confirmDialog({ title, text, yes, danger = true }) {
  return new Promise((answer) => {
    /** @param {boolean} value */
    const done = (value) => { dialog.close(); dialog.remove(); answer(value); };
    const dialog = h("dialog", { "aria-labelledby": "dialog-title", oncancel: () => done(false) },
      h("h2", { id: "dialog-title" }, title),
      h("p", {}, text),
      h("div", { class: "actions" },
        h("button", { type: "button", class: "button", onclick: () => done(false) }, t("common.cancel")),
        h("button", {
          type: "button", class: danger ? "button danger" : "button primary", onclick: () => done(true),
        }, yes),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}

/**
 * A message on the page: `kind` is "ok", "warn", "bad" or "info". Screen readers read "bad" at once.
 *
 * @param {string} kind
 * @param {...Child} children
 */
export function notice(kind, ...children) {
  return h("div", { class: `notice ${kind}`, role: kind === "bad" ? "alert" : "status" }, ...children);
}

let fields = 0;

/**
 * A control with its label, hint and error: `{ node, control, setError(text) }`.
 *
 * @template {HTMLElement} C
 * @param {TextLike} label
 * @param {C} control
 * @param {TextLike} hint
 * @returns {Field<C>}
 */
export function field(label, control, hint = "") {
  const id = control.id || `field-${++fields}`;
  control.id = id;
  const error = h("p", { class: "error", id: `${id}-error`, hidden: true });
  const help = hint ? h("p", { class: "hint", id: `${id}-hint` }, hint) : null;
  control.setAttribute("aria-describedby", [help && help.id, error.id].filter(Boolean).join(" "));
  const node = h("div", { class: "field" }, h("label", { for: id }, label), control, help, error);
  /** @param {TextLike} text */
  const setError = (text) => {
    write(error, text);
    error.hidden = !text;
    if (text) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  };
  return { node, control, setError };
}
