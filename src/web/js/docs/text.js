// @ts-check
// The part of Markdown (CommonMark) that descriptions use: paragraphs, lists, bold, code, links. It creates
// only these elements.
import { h } from "../common/dom.js";

/**
 * A description as elements.
 *
 * @param {string} text
 */
export function rich(text) {
  return text.trim().split(/\n{2,}/).filter(Boolean).map(block);
}

/** @param {string} text */
function block(text) {
  const lines = text.split("\n");
  if (!lines.every((line) => /^(- |\s{2})/.test(line))) return h("p", {}, inline(lines.join(" ")));
  const items = [];
  for (const line of lines) {
    if (line.startsWith("- ")) items.push(line.slice(2));
    else items[items.length - 1] += ` ${line.trim()}`;
  }
  return h("ul", {}, items.map((item) => h("li", {}, inline(item))));
}

/**
 * @param {string} text
 * @returns {Child[]}
 */
function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*|\[[^\]]+\]\([^)]+\))/).map((part) => {
    if (part.startsWith("`")) return h("code", {}, part.slice(1, -1));
    if (part.startsWith("**")) return h("strong", {}, inline(part.slice(2, -2)));
    const link = /^\[([^\]]+)\]\((https?:[^)]+)\)$/.exec(part);
    return link ? h("a", { href: link[2], rel: "noreferrer" }, link[1]) : part;
  });
}
