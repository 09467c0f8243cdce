// @ts-check
// Shows a text as Markdown or as code. Loaded on demand, with its style sheet; the libraries run in a worker,
// which gets a few seconds.

import { scriptUrl } from "../crypto/trusted.js";
import { $, h } from "./dom.js";
import { textNodes } from "./text_nodes.js";

/** How long the worker may take to load, and to read a text. */
const LOADING_MS = 60_000;
const READING_MS = 8_000;

/**
 * The element for a text, in which nothing but links can do something. Rejects if that is not possible, or
 * when `signal` ends it.
 *
 * @param {string} text
 * @param {{ form: "markdown" | "code", name: string, signal: AbortSignal }} options `name` is that of a file
 */
export async function rendered(text, { form, name, signal }) {
  signal.throwIfAborted();
  const [parts] = await Promise.all([partsOf({ text, form, name }, signal), loadStyles()]);
  signal.throwIfAborted();
  const nodes = textNodes(parts);
  return form === "code"
    ? h("pre", { class: "as-code", tabindex: "0", translate: "no" }, h("code", {}, nodes))
    : h("div", { class: "as-markdown", dir: "auto", translate: "no" }, nodes);
}

/**
 * @param {{ text: string, form: string, name: string }} job
 * @param {AbortSignal} signal
 * @returns {Promise<TextPart[]>}
 */
function partsOf(job, signal) {
  const worker = new Worker(scriptUrl(new URL("rendering_worker.js", import.meta.url)), { type: "module" });
  /** @type {ReturnType<typeof setTimeout>} */
  let timer;
  /** @type {Promise<TextPart[]>} */
  const parts = new Promise((resolve, reject) => {
    const fail = (/** @type {string} */ reason) => reject(new Error(reason));
    signal.addEventListener("abort", () => reject(signal.reason));
    timer = setTimeout(fail, LOADING_MS, "The scripts for this did not load.");
    worker.addEventListener("error", () => fail("The scripts for this could not be loaded."));
    worker.addEventListener("messageerror", () => fail("The text is nested too deeply."));
    worker.addEventListener("message", ({ data }) => {
      if (data.isReady) {
        clearTimeout(timer);
        timer = setTimeout(fail, READING_MS, "This text takes too long.");
        worker.postMessage(job);
      } else if (data.error) {
        fail(data.error);
      } else {
        resolve(data.parts);
      }
    });
  });
  return parts.finally(() => {
    clearTimeout(timer);
    worker.terminate();
  });
}

/** @type {Promise<unknown> | undefined} */
let styles;

/**
 * The style sheet of such texts, which the operator's own comes after. Without it, the text can still be
 * read.
 */
function loadStyles() {
  styles ??= new Promise((done) => {
    const link = h("link", {
      rel: "stylesheet", href: new URL("../../css/texts.css", import.meta.url).href, onload: done, onerror: done,
    });
    $("link[rel=stylesheet]").after(link);
  });
  return styles;
}
