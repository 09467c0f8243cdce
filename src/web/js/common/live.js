// Texts that follow the language of the page. Each knows how to make itself anew, and each place that shows
// one is written again when the language changes: so nothing else on the page has to change.

/** A text that is made when it is shown: `String(text)` is what it is in the language of now. */
export class LiveText {
  #make;

  constructor(make) {
    this.#make = make;
  }

  toString() {
    return String(this.#make());
  }
}

/** What each node shows: texts by the names of attributes, "" for the text of a text node. */
const shown = new WeakMap();
/** Those nodes, for as long as the page has any use for them. */
const nodes = new Set();
const dropped = new FinalizationRegistry((reference) => nodes.delete(reference));

/** A text that `make()` makes, now and in other languages. */
export function live(make) {
  return new LiveText(make);
}

/** Texts one after the other. What is empty is left out. */
export function joined(parts, between = " ") {
  return live(() => parts.filter(Boolean).join(between));
}

/** Sets an attribute, for as long as it is not set otherwise by `setText`. */
export function setText(node, name, text) {
  node.setAttribute(name, String(text));
  remember(node, name, text);
}

/** A node with this text. */
export function textNode(text) {
  const node = document.createTextNode(String(text));
  remember(node, "", text);
  return node;
}

/** Puts a text in the place of what is in `node`. */
export function write(node, text) {
  if (text === "") node.replaceChildren();
  else node.replaceChildren(textNode(text));
}

/** Makes all texts anew: the language has changed. */
export function renew() {
  for (const reference of nodes) {
    const node = reference.deref();
    for (const [name, text] of shown.get(node) ?? []) {
      if (name === "") node.data = String(text);
      else node.setAttribute(name, String(text));
    }
  }
}

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
