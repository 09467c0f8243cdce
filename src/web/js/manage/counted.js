// @ts-check
// Progress through a list: a bar, a count and a cancel button.
import { h } from "../common/dom.js";
import { write } from "../common/live.js";
import { t } from "../common/page.js";

/**
 * `{ node, cancel, update(done, total, told) }`; `cancel` is the button.
 *
 * @param {{ label: TextLike, onCancel: () => void }} options
 */
export function countedProgress({ label, onCancel }) {
  const bar = h("progress", { "aria-label": label });
  const count = h("span", {});
  const cancel = h("button", { type: "button", class: "button small", onclick: onCancel }, t("common.cancel"));
  return {
    node: h("div", { class: "progress" }, h("div", { class: "progress-head" }, count, cancel), bar),
    cancel,
    /**
     * @param {number} done
     * @param {number} total
     * @param {TextLike} told
     */
    update: (done, total, told) => {
      bar.max = total;
      bar.value = Math.min(done, total);
      write(count, told);
    },
  };
}
