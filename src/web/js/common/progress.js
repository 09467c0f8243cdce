// @ts-check
// A progress bar with speed, remaining time and a cancel button.
import { announce, h } from "./dom.js";
import { joined, write } from "./live.js";
import { bytes, duration, number, speed, t } from "./page.js";

/** The speed is that of the last few seconds. */
const WINDOW_MS = 5_000;
/** Screen readers are told every quarter. */
const TOLD = 0.25;

/**
 * `{ node, update(done, total), say(text), finish() }`, in bytes. `onCancel` adds a button. `say` shows a
 * sentence instead of speed and time, until the next `update`.
 *
 * @param {{ label: TextLike, onCancel?: () => void }} options
 */
export function progressBar({ label, onCancel }) {
  const bar = h("progress", { "aria-label": label, max: 1, value: 0 });
  const state = h("p", { class: "hint" });
  const cancel = onCancel
    && h("button", { type: "button", class: "button small", onclick: onCancel }, t("common.cancel"));
  const node = h("div", { class: "progress" },
    h("div", { class: "progress-head" }, h("p", {}, label), cancel),
    bar, state);
  /** @type {{ at: number, done: number }[]} */
  let past = [];
  let told = 0;
  /**
   * @param {number} done
   * @param {number} total
   */
  const update = (done, total) => {
    const now = performance.now();
    past = past.filter(({ at }) => now - at < WINDOW_MS);
    past.push({ at: now, done });
    const share = total > 0 ? Math.min(1, done / total) : 1;
    bar.value = share;
    const parts = [t("files.progress_done", { done: bytes(done), total: bytes(total) })];
    const seconds = (now - past[0].at) / 1000;
    const rate = (done - past[0].done) / seconds;
    if (seconds > 0.5 && rate > 0) {
      parts.push(speed(rate), t("files.progress_left", { time: duration((total - done) / rate) }));
    }
    write(state, joined(parts, " · "));
    const quarter = Math.floor(share / TOLD);
    if (quarter > told) {
      told = quarter;
      announce(t("files.progress_told", { label, percent: number(quarter * TOLD * 100) }));
    }
  };
  return {
    node,
    update,
    /** @param {TextLike} text */
    say: (text) => write(state, text),
    finish: () => {
      bar.value = 1;
      cancel?.remove();
    },
  };
}
