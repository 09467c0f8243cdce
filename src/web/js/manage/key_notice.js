// @ts-check
// A key that is shown only once: the browser asks before the page is left without a copy of it.
import { h } from "../common/dom.js";
import { copyLine } from "../common/link.js";
import { guardWhileShown } from "../common/stakes.js";

/**
 * @param {{ title: HTMLElement, text: TextLike, key: string, label: TextLike }} options
 */
export function keyNotice({ title, text, key, label }) {
  let isCopied = false;
  const node = h("div", { class: "notice" }, title, h("p", {}, text),
    copyLine(key, label, { onCopied: () => { isCopied = true; } }));
  return guardWhileShown(node, () => !isCopied);
}
