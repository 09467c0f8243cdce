// @ts-check
// A text that somebody has written, shown plainly; on demand as Markdown or as code, which rendering.js does.
import { h, replace } from "./dom.js";
import { t } from "./page.js";

/** Longer texts are only shown plainly. */
const MAX_CHARS = 64 * 1024;
/** @typedef {"plain" | "markdown" | "code"} Form */
/** @type {Form[]} */
const FORMS = ["plain", "markdown", "code"];

/**
 * `{ node, choices, end() }`: the text, and the buttons for its other forms, which are null if it has none.
 * `end()` removes the text from both. `plain` makes the element of the plain text.
 *
 * @param {string} text
 * @param {{ name?: string, plain: (text: string) => HTMLElement }} options `name` is that of a file
 */
export function shownText(text, { name = "", plain }) {
  /** The text, until it is removed. */
  let kept = text;
  let work = new AbortController();
  const node = h("div", { class: "text" }, plain(kept));
  const problem = h("p", { class: "error", role: "alert" });
  if (!kept.trim() || kept.length > MAX_CHARS) return { node, choices: null, end: () => node.replaceChildren() };

  const buttons = FORMS.map((form) => h("button", {
    type: "button", "aria-pressed": String(form === "plain"), onclick: () => show(form),
  }, t(`shown.${form}`)));
  /** @param {Form} form */
  const press = (form) => {
    for (const [at, button] of buttons.entries()) button.setAttribute("aria-pressed", String(FORMS[at] === form));
  };
  const showPlain = () => {
    press("plain");
    replace(node, plain(kept));
  };
  /** @param {Form} form */
  const show = async (form) => {
    work.abort();
    work = new AbortController();
    const { signal } = work;
    replace(problem);
    node.removeAttribute("aria-busy");
    if (form === "plain") return showPlain();
    press(form);
    node.setAttribute("aria-busy", "true");
    try {
      const { rendered } = await import("./rendering.js");
      const shown = await rendered(kept, { form, name, signal });
      if (signal.aborted) return undefined;
      replace(node, shown);
    } catch {
      if (signal.aborted) return undefined;
      showPlain();
      replace(problem, t("shown.failed"));
    }
    return node.removeAttribute("aria-busy");
  };
  const choices = h("div", { class: "choice shown-as", role: "group", "aria-label": t("shown.as") },
    h("span", { class: "muted", "aria-hidden": "true" }, t("shown.as")), buttons, problem);
  return {
    node, choices,
    end() {
      work.abort();
      kept = "";
      node.replaceChildren();
      choices.remove();
    },
  };
}
