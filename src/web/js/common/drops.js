// @ts-check
// Files that are dropped anywhere on the window go to the picker of the page. A drop never leaves the page.
import { announce } from "./dom.js";
import { write } from "./live.js";
import { t } from "./page.js";

/** Receivers of dropped files, by their nodes. */
/** @type {WeakMap<Element, (dropped: Dropped) => void>} */
const takers = new WeakMap();

/**
 * Calls `take({ files, folders })` for each drop while `node` is on the page and visible.
 *
 * @param {Element} node
 * @param {(dropped: Dropped) => void} take
 */
export function takeDrops(node, take) {
  node.setAttribute("data-drops", "");
  takers.set(node, take);
}

/** Handles all drops. Called once. */
export function startDrops() {
  window.addEventListener("dragenter", over);
  window.addEventListener("dragover", over);
  window.addEventListener("dragleave", ({ relatedTarget }) => relatedTarget === null && mark(null));
  window.addEventListener("drop", (event) => {
    mark(null);
    if (isForBrowser(event)) return;
    event.preventDefault();
    const dropped = /** @type {DataTransfer} */ (event.dataTransfer);
    if (hasFiles(event)) takerFor(event.target)?.take?.(sorted(dropped));
  });
}

/**
 * Dropped or pasted files, and the names of folders, which cannot be read as files.
 *
 * @param {DataTransfer} transfer
 * @returns {Dropped}
 */
export function sorted({ items, files }) {
  const entries = [...(items ?? [])].filter(({ kind }) => kind === "file");
  if (!entries.length) return { files: [...files], folders: [] };
  const folders = entries.map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry?.isDirectory);
  return {
    files: entries.filter((item) => !item.webkitGetAsEntry?.()?.isDirectory).map((item) => item.getAsFile())
      .filter((file) => file !== null),
    folders: folders.map((entry) => /** @type {FileSystemEntry} */ (entry).name),
  };
}

/** @param {DragEvent} event */
function over(event) {
  if (isForBrowser(event)) return;
  event.preventDefault();
  const taker = hasFiles(event) ? takerFor(event.target) : null;
  /** @type {DataTransfer} */ (event.dataTransfer).dropEffect = taker ? "copy" : "none";
  mark(taker?.node ?? null);
}

/**
 * The browser itself handles texts over fields, and files over a file field.
 *
 * @param {DragEvent} event
 */
function isForBrowser(event) {
  const { target } = event;
  if (!(target instanceof Element)) return false;
  if (hasFiles(event)) return target.matches("input[type=file]");
  return target.matches("textarea, input:not([type=checkbox], [type=radio], [type=file])");
}

/** @param {{ dataTransfer: DataTransfer | null }} options */
function hasFiles({ dataTransfer }) {
  return dataTransfer?.types.includes("Files") ?? false;
}

/** @param {EventTarget | null} target */
function takerFor(target) {
  if (document.querySelector("dialog[open]")) return null;
  const under = target instanceof Element ? target.closest("[data-drops]") : null;
  const node = [under, ...document.querySelectorAll("[data-drops]")].find((node) => node && isUsable(node));
  if (node) return { node, take: takers.get(node) };
  const inputs = [...document.querySelectorAll("input")]
    .filter((node) => node.type === "file" && isUsable(node));
  const [input] = inputs;
  /** @param {Dropped} dropped */
  const take = (dropped) => fill(input, dropped);
  return inputs.length === 1 ? { node: input, take } : null;
}

/** @param {Element} node */
function isUsable(node) {
  const isOff = node.closest("[inert]") || node.matches(":disabled, :disabled *");
  return node.getClientRects().length > 0 && !isOff;
}

/**
 * Sets the file of a file field, as if chosen by hand.
 *
 * @param {HTMLInputElement} input
 * @param {Dropped} dropped
 */
function fill(input, { files: [file], folders: [folder] = [] }) {
  const problem = document.getElementById(`${input.id}-error`);
  if (!file && folder && problem) {
    const text = t("common.no_folder", { name: folder });
    write(problem, text);
    problem.hidden = false;
    announce(text);
  }
  if (!file) return;
  const chosen = new DataTransfer();
  chosen.items.add(file);
  input.files = chosen.files;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

/** @param {Element | null} node */
function mark(node) {
  for (const marked of document.querySelectorAll(".over")) {
    if (marked !== node) marked.classList.remove("over");
  }
  node?.classList.add("over");
}
