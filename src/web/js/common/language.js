// @ts-check
// The language menu. The page keeps everything that was typed, opened or created; only its texts change
// (live.js).
import { setText, write } from "./live.js";
import { element, lang, root, setLanguage, t } from "./page.js";
import { isAtStake } from "./stakes.js";
import { textsOf } from "./texts.js";

/** Starts the menu, and makes the texts from the server follow the language. */
export function startLanguages() {
  for (const node of document.querySelectorAll("[data-text]")) {
    write(node, t(node.getAttribute("data-text") ?? ""));
  }
  for (const node of document.querySelectorAll("[data-label]")) {
    setText(node, "aria-label", t(node.getAttribute("data-label") ?? ""));
  }
  const select = /** @type {HTMLSelectElement} */ (element("language"));
  const problem = element("language-problem");
  let wanted = lang;
  select.addEventListener("change", async () => {
    const tag = wanted = select.value;
    problem.hidden = true;
    try {
      const texts = await textsOf(tag);
      // Another language was chosen in the meantime.
      if (wanted !== tag) return;
      keep(tag);
      setLanguage(tag, texts);
    } catch {
      if (wanted !== tag) return;
      keep(tag);
      // The server may have newer files: a reload gets them.
      if (!isAtStake()) return location.reload();
      select.value = wanted = lang;
      write(problem, t("common.language_failed"));
      problem.hidden = false;
    }
    return undefined;
  });
}

/**
 * Stores the language for the next pages.
 *
 * @param {string} tag
 */
function keep(tag) {
  document.cookie = `lang=${tag}; path=${new URL(root).pathname}; max-age=31536000; samesite=lax`;
  const url = new URL(location.href);
  if (!url.searchParams.has("lang")) return;
  url.searchParams.set("lang", tag);
  history.replaceState(history.state, "", url);
}
