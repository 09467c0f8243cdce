// @ts-check
// How much time is left until something ends: a text that follows the clock.
import { now } from "./clock.js";
import { h } from "./dom.js";
import { write } from "./live.js";
import { remaining } from "./page.js";

/** How often the text is written again. */
const TICK_MS = 1000;

/**
 * The time left until `end` (RFC 3339), in `text(time)`; `over` afterwards. Screen readers are not told each
 * change.
 *
 * @param {string} end
 * @param {{ text: (time: TextLike) => TextLike, over: TextLike }} texts
 */
export function countdown(end, { text, over }) {
  const node = h("span", { class: "countdown" });
  /** @type {string | undefined} */
  let shown;
  const tell = () => {
    const left = (Date.parse(end) - now()) / 1000;
    const told = left > 0 ? text(remaining(left)) : over;
    // Most seconds change nothing.
    if (String(told) !== shown) write(node, told);
    shown = String(told);
  };
  tell();
  const timer = setInterval(() => {
    if (node.isConnected) tell();
    else clearInterval(timer);
  }, TICK_MS);
  return node;
}
