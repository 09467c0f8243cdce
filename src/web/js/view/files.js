// @ts-check
// The files of a secret, each with a button. Files in the secret are saved at once; separate files are
// fetched, decrypted and saved as a stream.

import { ApiError, explain } from "../common/api.js";
import { Damaged, openStream, sealedSize } from "../crypto/stream.js";
import { announce, h, replace } from "../common/dom.js";
import { setText, write } from "../common/live.js";
import { save, saveBytes } from "../common/download.js";
import { bytes, t } from "../common/page.js";
import { progressBar } from "../common/progress.js";
import { preview, previewKind } from "../common/preview.js";
import { fetchSealed } from "./sealed_file.js";

/** The longest rest of a lease after every file was fetched. */
const AFTER_ALL_SECONDS = 60;

/**
 * What a file needs from its page.
 *
 * @typedef {object} Source
 * @property {string} id
 * @property {Set<() => void>} shown functions that end what is shown
 * @property {(attachment: Attachment) => void} saved it is on the disk
 * @property {(n: number) => void} fetched all of it came
 * @property {AbortSignal} gone aborted when the page takes all away
 * @property {string} lease
 * @property {(work: () => Promise<void>) => Promise<void>} during counts what is being saved meanwhile
 */

/**
 * `{ node, wipe(), isBusy(), areTaken() }`; the node is null if there are no files.
 *
 * @param {Attachment[]} attachments
 * @param {{ id: string, lease: Lease }} options
 */
export function filesPart(attachments, { id, lease }) {
  let saving = 0;
  const gone = new AbortController();
  const missing = new Set(attachments.filter(({ data }) => !data).map(({ n }) => n));
  const unsaved = new Set(attachments);
  /** Ends what is shown. */
  /** @type {Set<() => void>} */
  const shown = new Set();
  /** @type {Source} */
  const from = {
    id, shown,
    saved: (attachment) => unsaved.delete(attachment),
    // The server keeps a lease longer if files were not fetched yet.
    fetched(n) {
      missing.delete(n);
      if (missing.size === 0) lease.shorten(AFTER_ALL_SECONDS);
    },
    gone: gone.signal,
    lease: lease.token ?? "",
    async during(work) {
      saving += 1;
      try {
        await work();
      } finally {
        saving -= 1;
      }
    },
  };
  const node = attachments.length === 0 ? null : h("div", {},
    h("h2", {}, t("view.files")),
    h("ul", { class: "list files" }, attachments.map((attachment) => item(attachment, from))));
  return {
    node,
    isBusy: () => saving > 0,
    areTaken: () => unsaved.size === 0,
    wipe() {
      gone.abort();
      for (const end of shown) end();
      node?.replaceChildren();
      for (const attachment of attachments) {
        attachment.data?.fill(0);
        attachment.key?.fill(0);
      }
      attachments.length = 0;
    },
  };
}

/**
 * @param {Attachment} attachment
 * @param {Source} from
 */
function item(attachment, from) {
  const { name, size, data } = attachment;
  const place = h("div", { class: "state" });
  const button = h("button", {
    type: "button", class: "button", "aria-label": t("view.save_named", { name }),
  }, t("view.save_file"));
  const done = () => {
    from.saved(attachment);
    replace(place, h("p", { class: "badge ok" }, t("view.saved")));
    announce(t("view.saved_named", { name }));
  };
  const separate = /** @type {SeparateFile} */ (attachment);
  /**
   * Fetches the file; the buttons are hidden meanwhile.
   *
   * @param {HTMLElement} pressed
   * @param {(open: () => ReadableStream<Bytes>, how: Taking) => Promise<void>} take
   */
  const fetching = async (pressed, take) => {
    for (const each of [button, look]) if (each) each.hidden = true;
    await from.during(() => fetchAnd(take, separate, from, place));
    for (const each of [button, look]) if (each) each.hidden = false;
    if (document.activeElement === document.body) pressed.focus();
  };
  button.addEventListener("click", async () => {
    if (!data) return fetching(button, async (open, how) => {
      await save(open, { name, size: sealedSize(size), ...how });
      done();
    });
    saveBytes(data, { name });
    return done();
  });
  const screen = h("div", { class: "shown-file", hidden: true });
  const look = previewKind(attachment) && h("button", {
    type: "button", class: "button", "aria-expanded": "false", "aria-label": t("files.show_named", { name }),
  }, t("files.show"));
  let end = () => {};
  /** @param {Blob} content */
  const show = (content) => {
    const made = preview(content, attachment);
    end = () => {
      made.end();
      screen.replaceChildren();
      from.shown.delete(end);
    };
    from.shown.add(end);
    replace(screen, made.node);
    from.saved(attachment);
    tell(true);
  };
  /** @param {boolean} isOpen */
  const tell = (isOpen) => {
    if (!look) return;
    screen.hidden = !isOpen;
    look.setAttribute("aria-expanded", String(isOpen));
    setText(look, "aria-label", t(isOpen ? "files.hide_named" : "files.show_named", { name }));
    write(look, t(isOpen ? "files.hide" : "files.show"));
  };
  look?.addEventListener("click", async () => {
    if (!screen.hidden) {
      end();
      return tell(false);
    }
    if (data) return show(new Blob([data]));
    return fetching(look, async (open, { onProgress, signal }) => {
      const content = await collect(open(), onProgress);
      signal.throwIfAborted();
      replace(place);
      show(content);
    });
  });
  return h("li", {},
    h("span", { class: "grow", translate: "no", dir: "auto" }, name),
    h("span", { class: "muted" }, bytes(size)),
    button, look, place, screen);
}

/**
 * A stream as a Blob.
 *
 * @param {ReadableStream<Bytes>} stream
 * @param {(done: number) => void} onProgress
 */
async function collect(stream, onProgress) {
  const chunks = [];
  let done = 0;
  for (const reader = stream.getReader(); ;) {
    const { done: isOver, value } = await reader.read();
    if (isOver) return new Blob(chunks);
    chunks.push(value);
    onProgress(done += value.length);
  }
}

/**
 * How a file is taken: its progress, and what cancels it.
 *
 * @typedef {{ onProgress: (done: number) => void, signal: AbortSignal }} Taking
 */

/**
 * Fetches a separate file, with progress, a cancel button and a way to continue. Shows errors in `place`.
 *
 * @param {(open: () => ReadableStream<Bytes>, how: Taking) => Promise<void>} take
 * @param {SeparateFile} attachment
 * @param {Source} source
 * @param {HTMLElement} place
 */
async function fetchAnd(take, { name, size, n, key }, { id, lease, gone, fetched }, place) {
  const stop = new AbortController();
  const end = () => stop.abort();
  gone.addEventListener("abort", end);
  const bar = progressBar({ label: t("view.saving", { name }), onCancel: end });
  const again = h("div", {});
  replace(place, bar.node, again);
  const onBroken = () => askToGoOn(again, stop.signal);
  // Called after the place on the disk is chosen, so that nothing is fetched in vain.
  const open = () => openStream(key, fetchSealed({ id, n, lease, onBroken, signal: stop.signal }), { size });
  try {
    bar.update(0, size);
    /** @param {number} sum */
    const onProgress = (sum) => bar.update(sum, size);
    await take(open, { onProgress, signal: stop.signal });
    fetched(n);
  } catch (error) {
    if (gone.aborted) return;
    const text = why(error);
    replace(place, h("p", { class: error.name === "AbortError" ? "hint" : "error" }, text));
    announce(text);
  } finally {
    gone.removeEventListener("abort", end);
  }
}

/**
 * Waits until the user continues. Rejects if they cancel.
 *
 * @param {HTMLElement} place
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function askToGoOn(place, signal) {
  return new Promise((resolve, reject) => {
    const ended = () => reject(signal.reason);
    if (signal.aborted) return ended();
    const button = h("button", { type: "button", class: "button small" }, t("view.file_retry"));
    const goOn = () => {
      signal.removeEventListener("abort", ended);
      removeEventListener("online", goOn);
      replace(place);
      resolve();
    };
    button.addEventListener("click", goOn);
    signal.addEventListener("abort", ended);
    // The network is back, so it continues by itself.
    addEventListener("online", goOn);
    replace(place, h("p", { class: "error", role: "alert" }, t("view.file_broken")), button);
    return undefined;
  });
}

/** @param {Error} error */
function why(error) {
  if (error.name === "AbortError") return t("view.file_cancelled");
  if (error instanceof Damaged) return t("view.file_damaged");
  if (error instanceof ApiError && error.status === 404) return t("view.file_gone");
  if (error instanceof ApiError) return explain(error);
  return t("view.file_failed", { reason: error.message });
}
