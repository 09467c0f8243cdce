// @ts-check
// The switch of languages. The page stays as it is, with all that somebody has typed, opened or made: only
// its texts change (live.js).
import { setText, write } from "./live.js";
import { element, lang, root, setLanguage, t } from "./page.js";
import { isAtStake } from "./stakes.js";

/** How long the texts may take. */
const PATIENCE_MS = 15_000;

/** Makes the switch work, and what the server has written follow it. */
export function startLanguages() {
  for (const node of document.querySelectorAll("[data-text]")) write(node, t(node.getAttribute("data-text") ?? ""));
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
      // Another one was chosen meanwhile.
      if (wanted !== tag) return;
      keep(tag);
      setLanguage(tag, texts);
    } catch {
      if (wanted !== tag) return;
      keep(tag);
      // The server may have other files by now: the next page speaks that language.
      if (!isAtStake()) return location.reload();
      select.value = wanted = lang;
      write(problem, t("common.language_failed"));
      problem.hidden = false;
    }
    return undefined;
  });
}

/** @param {string} tag */
async function textsOf(tag) {
  const response = await fetch(new URL(`../../locales/${tag}/pages.json`, import.meta.url), {
    credentials: "omit", signal: AbortSignal.timeout(PATIENCE_MS),
  });
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response.json();
}

/**
 * Pages to come have this language.
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
