// @ts-check
// Makes elements of the parts of a text. Only what is listed here becomes an element, with no attribute but
// these, and all text stays text.

import { SCOPES } from "./code_scopes.js";
import { h } from "./dom.js";

const TAGS = new Set(["a", "bdi", "blockquote", "br", "code", "del", "em", "h2", "h3", "h4", "h5", "h6", "hr", "li",
  "ol", "p", "pre", "span", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul"]);
const ADDRESS = /^(https?:|mailto:)/;
/** More than people write in a text of 64 KiB. */
const MAX_ELEMENTS = 65_536;
const MAX_DEPTH = 60;

/**
 * The nodes of these parts. Throws if they are too many, or nested too deeply.
 *
 * @param {TextPart[]} parts
 * @returns {(Node | string)[]}
 */
export function textNodes(parts) {
  let left = MAX_ELEMENTS;
  /**
   * @param {TextPart} part
   * @param {number} depth
   * @returns {Node | string}
   */
  const nodeOf = (part, depth) => {
    if (typeof part === "string") return part;
    left -= 1;
    if (left < 0 || depth > MAX_DEPTH || !TAGS.has(part.tag)) throw new Error("The text has too many parts.");
    const tag = /** @type {keyof HTMLElementTagNameMap} */ (part.tag);
    return h(tag, attributes(part), part.parts.map((inner) => nodeOf(inner, depth + 1)));
  };
  return parts.map((part) => nodeOf(part, 0));
}

/**
 * @param {Exclude<TextPart, string>} part
 * @returns {Props}
 */
function attributes({ tag, href, start, scope }) {
  // The page stays open: it may be the only place with the text.
  if (tag === "a" && href && ADDRESS.test(href)) return { href, target: "_blank", rel: "noreferrer noopener" };
  if (tag === "ol" && Number.isSafeInteger(start)) return { start: String(start) };
  if (tag === "th") return { scope: "col" };
  if (tag === "pre") return { tabindex: "0" };
  return tag === "span" && scope && SCOPES.has(scope) ? { class: `code-${scope}` } : {};
}
