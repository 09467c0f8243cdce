// @ts-check
// The texts of one language: a page comes with its own, and loads others on demand.

/** The timeout for loading the texts. */
const PATIENCE_MS = 15_000;

/** @type {Map<string, Promise<Texts>>} */
const loaded = new Map();

/**
 * All texts of a language. A failure is not remembered: the next call tries again.
 *
 * @param {string} tag
 * @returns {Promise<Texts>}
 */
export function textsOf(tag) {
  const texts = loaded.get(tag) ?? load(tag);
  loaded.set(tag, texts);
  texts.catch(() => loaded.delete(tag));
  return texts;
}

/** @param {string} tag */
async function load(tag) {
  const response = await fetch(new URL(`../../locales/${tag}/pages.json`, import.meta.url), {
    credentials: "omit", signal: AbortSignal.timeout(PATIENCE_MS),
  });
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response.json();
}
