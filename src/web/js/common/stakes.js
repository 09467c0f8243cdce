// @ts-check
// Lets the browser ask before a page is left that would lose something: typed texts, and whatever parts of
// the page register.

/** Functions that return whether something would be lost. */
/** @type {Set<() => boolean>} */
const stakes = new Set();
/** The same for nodes, while they are on the page. */
/** @type {WeakMap<Element, () => boolean>} */
const shown = new WeakMap();
/** Controls with typed text. */
/** @type {WeakSet<EventTarget>} */
const typed = new WeakSet();

/** Controls whose text counts: no search, no existing password, nothing that is only looked up. */
const TYPED = "textarea:not([readonly], [data-fleeting]), "
  + "input:not([readonly], [data-fleeting], [type=search], [type=checkbox], [type=radio], [type=file])";

document.addEventListener("input", ({ target }) => target && typed.add(target), true);
window.addEventListener("beforeunload", (event) => {
  if (!isAtStake()) return;
  event.preventDefault();
  // Older browsers need this.
  event.returnValue = true;
});

/** Whether leaving now loses something that cannot be recovered. */
export function isAtStake() {
  return [...stakes].some((isNeeded) => isNeeded())
    || [...document.querySelectorAll("[data-stake]")].some((node) => shown.get(node)?.())
    || [.../** @type {NodeListOf<Control>} */ (document.querySelectorAll(TYPED))]
      .some((control) => typed.has(control) && control.value !== "");
}

/** Lets the browser ask before the page is left while `isNeeded()`. Returns a function that ends this. */
export function guardLeaving(isNeeded = () => true) {
  // Each call counts separately, also with the same function.
  const stake = () => isNeeded();
  stakes.add(stake);
  return () => stakes.delete(stake);
}

/**
 * The same while `node` is on the page.
 *
 * @template {Element} N
 * @param {N} node
 * @param {() => boolean} isNeeded
 */
export function guardWhileShown(node, isNeeded) {
  node.setAttribute("data-stake", "");
  shown.set(node, isNeeded);
  return node;
}

/**
 * Marks the text typed within `node` as saved.
 *
 * @param {HTMLElement} node
 */
export function settle(node) {
  for (const control of node.querySelectorAll("textarea, input")) typed.delete(control);
}
