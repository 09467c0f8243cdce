// @ts-check
// A file picker: by button, drop or paste, with a list of the chosen files. It does not read the files.
import { announce, h, replace } from "./dom.js";
import { sorted, takeDrops } from "./drops.js";
import { joined, write } from "./live.js";
import { bytes, bytesApart, t } from "./page.js";
import { preview, previewKind } from "./preview.js";
import { guardWhileShown } from "./stakes.js";

let pickers = 0;

/**
 * `{ node, files, clear(), setError(text) }`. `max` is the number of files, `maxSize` the bytes of each
 * (null: no limit); `onChange(files)` is called at each change.
 *
 * @param {{ max?: number, maxSize?: number | null, onChange?: (files: File[]) => void }} options
 */
export function filePicker({ max = Infinity, maxSize = null, onChange = () => {} } = {}) {
  const id = `files-${++pickers}`;
  /** @type {File[]} */
  let chosen = [];
  /** The files that are shown. */
  /** @type {Map<File, ReturnType<typeof preview>>} */
  const opened = new Map();
  const input = h("input", {
    type: "file", multiple: max > 1, hidden: true, "aria-label": t("files.choose"),
  });
  const error = h("p", { class: "error", id: `${id}-error`, hidden: true });
  const list = h("ul", { class: "list files", "aria-label": t("files.chosen"), hidden: true });
  const button = h("button", {
    type: "button", class: "button", "aria-describedby": `${id}-hint ${id}-error`,
    onclick: () => input.click(),
  }, t("files.choose"));
  const hint = h("p", { class: "hint", id: `${id}-hint` }, maxSize === null ? t("files.hint")
    : t("files.hint_size", { size: bytes(maxSize) }));
  const zone = h("div", { class: "drop" }, button, input, hint);
  const node = h("div", { class: "field file-picker", role: "group", "aria-labelledby": `${id}-label` },
    h("p", { class: "label", id: `${id}-label` }, t("files.label")), zone, error, list);

  /** @param {TextLike} text */
  const setError = (text) => {
    write(error, text);
    error.hidden = !text;
  };
  const show = () => {
    list.hidden = chosen.length === 0;
    replace(list, ...chosen.map((file) => h("li", {},
      h("span", { class: "grow", translate: "no" }, file.name),
      h("span", { class: "muted" }, bytes(file.size)),
      shows(file),
      h("button", {
        type: "button", class: "button quiet small remove",
        "aria-label": t("files.remove_named", { name: file.name }),
        onclick: () => remove(file),
      }, t("files.remove")))));
    onChange(chosen);
  };
  /**
   * The button that shows a file below its name, and hides it again.
   *
   * @param {File} file
   */
  const shows = (file) => {
    if (!previewKind(file)) return null;
    const isOpen = () => opened.has(file);
    const toggle = h("button", {
      type: "button", class: "button quiet small", "aria-expanded": String(isOpen()),
      "aria-label": t(isOpen() ? "files.hide_named" : "files.show_named", { name: file.name }),
      onclick: () => {
        if (isOpen()) close(file);
        else opened.set(file, preview(file, file));
        show();
        list.querySelectorAll("li")[chosen.indexOf(file)]?.querySelector("button")?.focus();
      },
    }, t(isOpen() ? "files.hide" : "files.show"));
    return [toggle, isOpen() && h("div", { class: "shown-file" }, opened.get(file)?.node)];
  };
  /** @param {File} file */
  const close = (file) => {
    opened.get(file)?.end();
    opened.delete(file);
  };
  /** @param {File} file */
  const remove = (file) => {
    const at = chosen.indexOf(file);
    chosen = chosen.filter((other) => other !== file);
    close(file);
    setError("");
    show();
    announce(t("files.removed", { name: file.name }));
    // The pressed button is gone, so the focus moves to its neighbour.
    (/** @type {NodeListOf<HTMLElement>} */ (list.querySelectorAll(".remove"))[Math.min(at, chosen.length - 1)] ?? button).focus();
  };
  /** @param {Dropped} dropped */
  const add = ({ files, folders = [] }) => {
    const wrong = folders.map((name) => t("common.no_folder", { name }));
    const before = chosen.length;
    for (const file of files) {
      if (chosen.some((other) => isSame(other, file))) continue;
      if (maxSize !== null && file.size > maxSize) {
        const [size, max] = bytesApart(file.size, maxSize);
        wrong.push(t("files.too_large", { name: file.name, size, max }));
      } else if (chosen.length >= max) {
        wrong.push(t("files.too_many", { count: max }));
        break;
      } else {
        chosen = [...chosen, file];
      }
    }
    setError(wrong.length ? joined(wrong) : "");
    show();
    const added = chosen.length - before;
    announce(wrong.length ? joined(wrong) : t("files.added", { count: added }));
  };

  input.addEventListener("change", () => {
    add({ files: [...input.files ?? []] });
    // This allows choosing the same file again after it was removed.
    input.value = "";
  });
  takeDrops(node, add);
  /** @param {ClipboardEvent} event */
  const pasted = (event) => {
    if (!node.isConnected) {
      document.removeEventListener("paste", pasted);
      return;
    }
    // Text that is also pasted as a picture (by spreadsheets) counts as text.
    const data = event.clipboardData;
    if (node.closest("[hidden]") || !data?.files.length || data.types.includes("text/plain")) return;
    event.preventDefault();
    add(sorted(data));
  };
  document.addEventListener("paste", pasted);
  guardWhileShown(node, () => chosen.length > 0);
  return {
    node,
    get files() { return chosen; },
    clear: () => {
      for (const file of chosen) close(file);
      chosen = [];
      setError("");
      show();
    },
    setError,
    /** @param {File[]} files */
    add: (files) => add({ files }),
  };
}

/**
 * @param {File} one
 * @param {File} other
 */
function isSame(one, other) {
  return one.name === other.name && one.size === other.size && one.lastModified === other.lastModified;
}
