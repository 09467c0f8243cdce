// @ts-check
// Markdown as parts of a text: plain objects, of which text_nodes.js makes elements. The library only finds
// the tokens. HTML in Markdown stays text, pictures become links, and only addresses of a few kinds are
// links. Runs in the worker of rendering.js.

import { lexer as untyped } from "../vendor/marked.js";

/**
 * What the tokens of marked have, as far as it is used here.
 *
 * @typedef {{ type: string, raw: string, text: string, tokens?: MarkdownToken[], depth: number, href: string,
 *   ordered: boolean, start: number | "", items: MarkdownToken[], checked: boolean, escaped?: boolean,
 *   header: MarkdownToken[], rows: MarkdownToken[][] }} MarkdownToken
 */

/** @type {(text: string, options: { gfm: boolean }) => MarkdownToken[]} */
const lexer = /** @type {any} */ (untyped); // a library without types

/** The heading of the page stands above those of a text. */
const PAGE_HEADINGS = 1;
const PROTOCOLS = ["http:", "https:", "mailto:"];
/** The names of characters that Markdown of people has. The others stay as they are written. */
/** @type {Record<string, string>} */
const NAMED = {
  amp: "&", lt: "<", gt: ">", quot: "\"", apos: "'", nbsp: "\u00a0", copy: "©", reg: "®", hellip: "…", mdash: "—",
  ndash: "–", euro: "€", rarr: "→", larr: "←", times: "×",
};

/**
 * The parts of a text in Markdown. Throws for one that is nested too deeply.
 *
 * @param {string} text
 * @returns {TextPart[]}
 */
export function markdownParts(text) {
  return lexer(text, { gfm: true }).flatMap(block);
}

/**
 * @param {MarkdownToken} token
 * @returns {TextPart[]}
 */
function block(token) {
  switch (token.type) {
    case "space":
    case "def":
      return [];
    case "hr":
      return [element("hr", [])];
    case "heading":
      return [element(`h${Math.min(6, token.depth + PAGE_HEADINGS)}`, inline(token.tokens, false))];
    case "code":
      return [element("pre", [token.text])];
    case "blockquote":
      return [element("blockquote", (token.tokens ?? []).flatMap(block))];
    case "list": {
      const items = token.items.map((item) => element("li", (item.tokens ?? []).flatMap(block)));
      const list = element(token.ordered ? "ol" : "ul", items);
      return [token.ordered ? { ...list, start: Number(token.start) } : list];
    }
    case "checkbox":
      return [token.checked ? "☑ " : "☐ "];
    case "table":
      return [table(token)];
    case "html":
      return [element("p", [token.raw.trim()])];
    case "paragraph":
      return [element("p", inline(token.tokens, false))];
    default:
      return inline([token], false);
  }
}

/** @param {MarkdownToken} token */
function table({ header, rows }) {
  /**
   * @param {string} tag
   * @param {MarkdownToken[]} cells
   */
  const row = (tag, cells) => element("tr", cells.map(({ tokens }) => element(tag, inline(tokens, false))));
  return element("table", [
    element("thead", [row("th", header)]),
    element("tbody", rows.map((cells) => row("td", cells))),
  ]);
}

/**
 * @param {MarkdownToken[] | undefined} tokens
 * @param {boolean} inLink
 * @returns {TextPart[]}
 */
function inline(tokens, inLink) {
  return (tokens ?? []).flatMap((token) => {
    switch (token.type) {
      case "strong":
      case "em":
      case "del":
        return [element(token.type, inline(token.tokens, inLink))];
      case "codespan":
        return [element("code", [token.text])];
      case "br":
        return [element("br", [])];
      case "escape":
        return [token.text];
      case "link":
        return link(token.href, inline(token.tokens, true), inLink);
      case "image":
        return link(token.href, [decoded(token.text)], inLink);
      case "text":
        if (token.tokens) return inline(token.tokens, inLink);
        return [token.escaped ? token.text : decoded(token.text)];
      default:
        // HTML, and what a newer library may find.
        return [token.raw];
    }
  });
}

/**
 * A link with its target, which its text may hide. Another address is only text.
 *
 * @param {string} address
 * @param {TextPart[]} parts
 * @param {boolean} inLink whether it is part of the text of another link
 * @returns {TextPart[]}
 */
function link(address, parts, inLink) {
  const target = targetOf(decoded(address));
  const text = textOf(parts);
  if (target === null || inLink) return [...parts, ` (${address})`];
  const isShown = [target, target.replace(/\/$/, ""), target.replace("mailto:", "")].includes(text);
  const shown = { ...element("a", text.trim() ? parts : [target]), href: target };
  return isShown || !text.trim() ? [shown] : [shown, " (", element("bdi", [target]), ")"];
}

/**
 * The whole address of a link, with a domain in the form that tells similar letters apart; null if it is none
 * that a page should offer.
 *
 * @param {string} address
 */
function targetOf(address) {
  try {
    const url = new URL(address);
    const isPlain = PROTOCOLS.includes(url.protocol) && !url.username && !url.password;
    return isPlain ? url.href : null;
  } catch {
    return null;
  }
}

/**
 * @param {TextPart[]} parts
 * @returns {string}
 */
function textOf(parts) {
  return parts.map((part) => (typeof part === "string" ? part : textOf(part.parts))).join("");
}

/**
 * A text with its character references resolved (CommonMark 2.5).
 *
 * @param {string} text
 */
function decoded(text) {
  return text.replace(/&(?:#(\d{1,7})|#[xX]([\dA-Fa-f]{1,6})|(\w{2,6}));/g, (whole, decimal, hex, name) => {
    if (name) return NAMED[name] ?? whole;
    const code = decimal ? Number(decimal) : parseInt(hex, 16);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : "\ufffd";
  });
}

/**
 * @param {string} tag
 * @param {TextPart[]} parts
 */
function element(tag, parts) {
  return { tag, parts };
}
