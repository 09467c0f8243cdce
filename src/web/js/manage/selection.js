// @ts-check
// The rows of a list that are chosen, and what is done with all of them at once.
import { confirmDialog, h } from "../common/dom.js";
import { write } from "../common/live.js";
import { t } from "../common/page.js";
import { attempt } from "./call.js";
import { countedProgress } from "./counted.js";

/**
 * `{ node, box(id, name), all, clear() }`: `box` is the check box of a row, `all` that of all shown rows.
 * `remove(id)` deletes one; `label(count)` and `title(count)` ask for the deletion, `text` says what it does, and
 * `done(count)` what it has done; `onDone(told)` shows the list again.
 *
 * @param {ListDeletion & { onDone: (told: TextLike) => unknown }} options
 */
export function selection({ remove, label: ask, title, text, done: tellDone, onDone }) {
  /** @type {Map<string, HTMLInputElement>} */
  const boxes = new Map();
  /** @type {Set<string>} */
  const chosen = new Set();
  const place = h("div", { class: "place" });
  const label = h("span", {});
  const button = h("button", { type: "button", class: "button danger small" }, label);
  const node = h("div", { class: "selection", hidden: true }, button, place);
  const all = h("input", {
    type: "checkbox", autocomplete: "off", "aria-label": t("manage.select_all"), onchange: () => {
      const isChosen = all.checked;
      for (const [id, box] of boxes) mark(id, box.checked = isChosen);
    },
  });
  const tell = () => {
    node.hidden = chosen.size === 0;
    all.checked = boxes.size > 0 && chosen.size === boxes.size;
    all.indeterminate = chosen.size > 0 && !all.checked;
    write(label, ask(chosen.size));
  };
  /**
   * @param {string} id
   * @param {boolean} isChosen
   */
  const mark = (id, isChosen) => {
    if (isChosen) chosen.add(id);
    else chosen.delete(id);
    tell();
  };
  const removeAll = async () => {
    const count = chosen.size;
    const isSure = await confirmDialog({
      title: title(count), text, yes: t("common.delete"),
    });
    if (!isSure) return;
    let [done, isStopped] = [0, false];
    const bar = countedProgress({ label: t("manage.burning"), onCancel: () => { isStopped = true; } });
    place.replaceChildren(bar.node);
    const problem = h("div", {});
    for (const id of [...chosen]) {
      if (isStopped || !await attempt(problem, () => remove(id))) break;
      done += 1;
      mark(id, false);
      bar.update(done, count, t("manage.used_of", { count: done, max: count }));
    }
    place.replaceChildren(problem);
    await onDone(tellDone(done));
  };
  button.addEventListener("click", removeAll);
  return {
    node, all,
    /**
     * @param {string} id
     * @param {TextLike} name
     */
    box: (id, name) => {
      const box = h("input", {
        type: "checkbox", autocomplete: "off", "aria-label": t("manage.select", { name }),
        onchange: () => mark(id, box.checked),
      });
      boxes.set(id, box);
      return box;
    },
    clear: () => {
      boxes.clear();
      chosen.clear();
      tell();
    },
  };
}
