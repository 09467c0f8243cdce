// @ts-check
// Code as parts of a text: plain objects, of which text_nodes.js makes elements. The library only finds the
// kinds of words. Runs in the worker of rendering.js.

import untyped, { grammars } from "../vendor/highlight.js";
import { SCOPES } from "./code_scopes.js";

/** @typedef {{ scope?: string, children: (CodeNode | string)[] }} CodeNode */
/** @typedef {{ language?: string, _emitter: { rootNode: CodeNode } }} Highlighted */

/**
 * The part of Highlight.js that is used here.
 *
 * @type {{
 *   registerLanguage(name: string, grammar: unknown): void,
 *   getLanguage(name: string): object | undefined,
 *   highlight(text: string, options: { language: string, ignoreIllegals: boolean }): Highlighted,
 *   highlightAuto(text: string): Highlighted,
 * }}
 */
const library = /** @type {any} */ (untyped); // a library without types
for (const [name, grammar] of Object.entries(grammars)) library.registerLanguage(name, grammar);

/** How much of a text is tried in each language, to find its own. */
const TRIED_CHARS = 2_048;
/** Code of people is not nested more deeply. */
const MAX_DEPTH = 50;

/**
 * The parts of a text that is code. The end of `name`, if there is one, tells the language, else the text
 * does. Throws RangeError for one that is nested too deeply.
 *
 * @param {string} text
 * @param {string} name
 * @returns {TextPart[]}
 */
export function codeParts(text, name) {
  const end = /(?:^|\.)([^.]+)$/.exec(name)?.[1].toLowerCase() ?? "";
  const language = library.getLanguage(end) ? end : library.highlightAuto(text.slice(0, TRIED_CHARS)).language;
  if (!language) return [text];
  return library.highlight(text, { language, ignoreIllegals: true })._emitter.rootNode.children
    .flatMap((node) => partsOf(node, 1));
}

/**
 * @param {CodeNode | string} node
 * @param {number} depth
 * @returns {TextPart[]}
 */
function partsOf(node, depth) {
  if (typeof node === "string") return [node];
  if (depth > MAX_DEPTH) throw new RangeError("The code is nested too deeply.");
  const parts = node.children.flatMap((inner) => partsOf(inner, depth + 1));
  // "title.function" is a kind of title.
  const scope = node.scope?.split(".")[0] ?? "";
  return SCOPES.has(scope) ? [{ tag: "span", scope, parts }] : parts;
}
