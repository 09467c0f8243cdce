// @ts-check
// What would be lost if the page were left now, and having the browser ask before it is: texts that somebody
// has typed, and whatever else a part of the page says.

/** Functions that say whether they have something to lose. */
/** @type {Set<() => boolean>} */
const stakes = new Set();
/** The same of what is on the page, for as long as it is. */
/** @type {WeakMap<Element, () => boolean>} */
const shown = new WeakMap();
/** Controls that somebody has typed into. */
/** @type {WeakSet<EventTarget>} */
const typed = new WeakSet();

/**
 * What is typed here is worth a question: no search, no password that is known, nothing that is only
 * looked up.
 */
const TYPED = "textarea:not([readonly], [data-fleeting]), "
  + "input:not([readonly], [data-fleeting], [type=search], [type=checkbox], [type=radio], [type=file])";

document.addEventListener("input", ({ target }) => target && typed.add(target), true);
window.addEventListener("beforeunload", (event) => {
  if (!isAtStake()) return;
  event.preventDefault();
  // Older browsers ask for this only.
  event.returnValue = true;
});

/** Whether leaving now loses what can not be had again. */
export function isAtStake() {
  return [...stakes].some((isNeeded) => isNeeded())
    || [...document.querySelectorAll("[data-stake]")].some((node) => shown.get(node)?.())
    || [.../** @type {NodeListOf<Control>} */ (document.querySelectorAll(TYPED))].some((control) => typed.has(control) && control.value !== "");
}

/** Has the browser ask before the page is left, while `isNeeded()`. Gives back what ends that. */
export function guardLeaving(isNeeded = () => true) {
  // Each call is one of its own, also with the same function.
  const stake = () => isNeeded();
  stakes.add(stake);
  return () => stakes.delete(stake);
}

/**
 * The same, while `node` is on the page.
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
 * What was typed within `node` is where it belongs.
 *
 * @param {HTMLElement} node
 */
export function settle(node) {
  for (const control of node.querySelectorAll("textarea, input")) typed.delete(control);
}
