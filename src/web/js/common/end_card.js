// @ts-check
// The card of a status page that has nothing to show: a title, and a text or what can be done.
import { h, replace } from "./dom.js";

/**
 * Shows the card in `app`, and focuses its heading. A single text or notice gets the link `home` below it.
 *
 * @param {HTMLElement} app
 * @param {{ title: TextLike, content: (Node | TextLike)[], home: HTMLElement }} options
 */
export function showEndCard(app, { title, content, home }) {
  const heading = h("h1", { tabindex: "-1" }, title);
  replace(app, h("div", { class: "card" }, heading,
    ...content.map((part) => (part instanceof Node ? part : h("p", {}, part))),
    content.length === 1 && h("div", { class: "actions" }, home)));
  heading.focus({ preventScroll: true });
}
