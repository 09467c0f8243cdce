// @ts-check
// Texts that follow the language of the page. When the language changes, each text is made again and written
// to its place, so nothing else on the page has to change.

/** A text that is made when it is shown: `String(text)` is in the current language. */
export class LiveText {
  /** @type {() => unknown} */
  #make;

  /** @param {() => unknown} make */
  constructor(make) {
    this.#make = make;
  }

  toString() {
    return String(this.#make());
  }
}

/** The texts that each node shows, by attribute name; "" for the text of a text node. */
/** @type {WeakMap<Node, Map<string, LiveText>>} */
const shown = new WeakMap();
/** These nodes, until the page drops them. */
/** @type {Set<WeakRef<Node>>} */
const nodes = new Set();
const dropped = new FinalizationRegistry((reference) => nodes.delete(reference));

/**
 * A text that `make()` makes in the current language.
 *
 * @param {() => unknown} make
 */
export function live(make) {
  return new LiveText(make);
}

/**
 * Joins texts; empty ones are left out.
 *
 * @param {(TextLike | number | false | null | undefined)[]} parts
 * @param {string} between
 */
export function joined(parts, between = " ") {
  return live(() => parts.filter(Boolean).join(between));
}

/**
 * Sets an attribute, until the next `setText`.
 *
 * @param {Element} node
 * @param {string} name
 * @param {TextLike} text
 */
export function setText(node, name, text) {
  node.setAttribute(name, String(text));
  remember(node, name, text);
}

/**
 * A text node.
 *
 * @param {TextLike} text
 */
export function textNode(text) {
  const node = document.createTextNode(String(text));
  remember(node, "", text);
  return node;
}

/**
 * Replaces the content of `node` with a text.
 *
 * @param {Element} node
 * @param {TextLike} text
 */
export function write(node, text) {
  if (text === "") node.replaceChildren();
  else node.replaceChildren(textNode(text));
}

/** Makes all texts again, in a new language. */
export function renew() {
  for (const reference of nodes) {
    const node = reference.deref();
    for (const [name, text] of (node && shown.get(node)) ?? []) {
      if (name === "") /** @type {globalThis.Text} */ (node).data = String(text);
      else /** @type {Element} */ (node).setAttribute(name, String(text));
    }
  }
}

/**
 * @param {Node} node
 * @param {string} name
 * @param {TextLike} text
 */
function remember(node, name, text) {
  const texts = shown.get(node);
  if (!(text instanceof LiveText)) {
    texts?.delete(name);
    return;
  }
  if (texts) {
    texts.set(name, text);
    return;
  }
  shown.set(node, new Map([[name, text]]));
  const reference = new WeakRef(node);
  nodes.add(reference);
  dropped.register(node, reference);
}
