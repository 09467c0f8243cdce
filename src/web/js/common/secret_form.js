// @ts-check
// What a person fills in to hand something over, text and files, and what they see while it goes out: errors at
// their fields, progress, another try. Encrypting and calls are in sending.js, the pages decide what comes then.
import { ApiError, explain, Offline } from "./api.js";
import { $, announce, busy, field, h, notice, replace } from "./dom.js";
import { filePicker } from "./files.js";
import { bytes, config, duration, t } from "./page.js";
import { progressBar } from "./progress.js";
import { excess, hand, maxFiles } from "./sending.js";
import { guardLeaving } from "./stakes.js";

/** Characters of messages and descriptions. */
const MAX_CHARS = 1_000;

/** Text and files: `{ node, text, files, fields, check() }`. `check` shows what is wrong: true for nothing. */
export function contentForm({ hint = "" } = {}) {
  const area = h("textarea", { rows: 7, autocomplete: "off", spellcheck: "false", translate: "no" });
  const written = field(t("send.text"), area, hint);
  const tell = () => {
    // A third of it would do: a character has four bytes at most, and no check is needed for a short one.
    const over = area.value.length * 4 < config.max_ciphertext / 4 && picker.files.length === 0
      ? 0 : excess(area.value, picker.files);
    written.setError(over ? t("send.text_long", { over: bytes(over) }) : "");
    return over === 0;
  };
  const picker = filePicker({ max: maxFiles, maxSize: config.max_upload, onChange: tell });
  area.addEventListener("input", tell);
  return {
    node: h("div", {}, written.node, picker.node),
    fields: { ciphertext: written, attachments: { ...picker, control: $("button", picker.node) } },
    get text() { return area.value; },
    get files() { return picker.files; },
    check: () => {
      if (!area.value && !picker.files.length) {
        written.setError(t("send.nothing"));
        return false;
      }
      return tell();
    },
  };
}

/**
 * A field for a message or description that says when it has become too long: as `field()`, with `check()`.
 *
 * @param {TextLike} label
 * @param {TextLike} [hint]
 */
export function shortText(label, hint) {
  const control = h("textarea", { rows: 2, class: "short", autocomplete: "off" });
  const made = field(label, control, hint);
  const check = () => {
    const over = [...control.value].length - MAX_CHARS;
    made.setError(over > 0 ? t("send.short_long", { count: over, max: MAX_CHARS }) : "");
    return over <= 0;
  };
  control.addEventListener("input", check);
  return { ...made, check };
}

/**
 * Moves to the first field that is marked as wrong.
 *
 * @param {HTMLElement} form
 */
export function focusWrong(form) {
  /** @type {HTMLElement | null} */
  const wrong = form.querySelector("[aria-invalid=true]");
  // It may be among those that are folded away.
  wrong?.closest("details")?.setAttribute("open", "");
  wrong?.focus();
}

/**
 * Hands over what `request()` says (the arguments of `hand`), and shows how it goes: errors at `fields` (by their
 * names in the API) or in `place`, which is below the form. `explained(error)` may give a sentence for an error,
 * or "" where it has shown it itself. Gives `{ data, publicHalf }`, or null if it came to nothing; then the form
 * is as it was.
 *
 * @param {{ form: HTMLElement, button: HTMLButtonElement, place: HTMLElement,
 *   fields: Record<string, Field<HTMLElement>>, request: () => HandRequest,
 *   explained?: (error: Error) => TextLike | null | Promise<TextLike | null> }} options
 */
export async function deliver({ form, button, place, fields, request, explained = () => null }) {
  replace(place);
  form.inert = true;
  try {
    return await busy(button, () => attempt({ place, request })) ?? null;
  } catch (error) {
    form.inert = false;
    if (error.name === "AbortError") {
      replace(place, notice("info", t("send.cancelled")));
      button.focus({ preventScroll: true });
      return null;
    }
    showError({ error, form, button, place, fields, explained: await explained(error) });
    return null;
  } finally {
    form.inert = false;
  }
}

/**
 * @param {{ error: Error, form: HTMLElement, button: HTMLButtonElement, place: HTMLElement,
 *   fields: Record<string, Field<HTMLElement>>, explained: TextLike | null }} options
 */
function showError({ error, form, button, place, fields, explained }) {
  if (explained === "") return;
  const at = error instanceof ApiError && error.field !== null ? fields[error.field] : null;
  if (error instanceof ApiError && at?.control.isConnected && !explained) {
    at.setError(fieldError(error));
    focusWrong(form);
    if (error.field === "attachments") at.control.focus();
    return;
  }
  replace(place, notice("bad", explained ?? sentence(error)));
  // What was pressed could not keep the focus while nothing could be pressed.
  button.focus({ preventScroll: true });
}

/** @param {Error} error */
function sentence(error) {
  if (error instanceof Offline || error instanceof ApiError) return explain(error);
  // A file that can not be read any more, say.
  return ["FileChanged", "NotFoundError", "NotReadableError"].includes(error.name)
    ? t("send.unreadable") : t("send.failed", { why: error.message });
}

/**
 * What is wrong with a field, by its name in the API.
 *
 * @param {ApiError} error
 */
function fieldError(error) {
  switch (error.field) {
    case "ciphertext": return t("send.wrong.ciphertext");
    case "attachments": return t("send.wrong.attachments");
    case "message": case "description": return t("send.wrong.text");
    case "expiration": return t("send.wrong.expiration");
    case "max_views": return t("send.wrong.max_views");
    case "password": return t("send.wrong.password");
    default: return error.message;
  }
}

/**
 * One secret: the call, and its files; a draft that is gone is made anew.
 *
 * @param {{ place: HTMLElement, request: () => HandRequest }} options
 */
async function attempt({ place, request }) {
  for (;;) {
    const control = new AbortController();
    const screen = uploadScreen(place, control);
    const made = await hand({
      ...request(), signal: control.signal,
      onProgress: (done, total) => screen.progress(done, total), onWait: (seconds) => screen.waits(seconds),
    });
    if (!made.upload) return made;
    const published = await screen.run(made.upload);
    if (published !== "gone") return { ...made, data: { ...made.data, ...published } };
  }
}

/**
 * Progress, and what to do when it gives up.
 *
 * @param {HTMLElement} place
 * @param {AbortController} control
 */
function uploadScreen(place, control) {
  const bar = progressBar({ label: t("send.uploading"), onCancel: () => control.abort() });
  return {
    progress: bar.update,
    /** @param {number} seconds */
    waits: (seconds) => {
      const text = t("send.again_in", { time: duration(Math.max(1, seconds)) });
      bar.say(text);
      announce(text);
    },
    /**
     * Gives what publishing has answered, or "gone" if all must be sent once more.
     *
     * @param {Upload} upload
     */
    run: async (upload) => {
      const unguard = guardLeaving();
      replace(place, h("div", { class: "card" }, bar.node, h("p", { class: "hint" }, t("send.stay"))));
      bar.update(0, upload.total);
      $("button", bar.node).focus();
      try {
        for (;;) {
          try {
            const answer = await upload.run(control.signal);
            bar.finish();
            return answer;
          } catch (error) {
            if (!await another(error, place, control)) throw error;
            if (error.status === 404) return "gone";
            replace(place, h("div", { class: "card" }, bar.node, h("p", { class: "hint" }, t("send.stay"))));
            $("button", bar.node).focus();
          }
        }
      } catch (error) {
        const answer = await takenBack(upload);
        if (!answer) throw error;
        bar.finish();
        return answer;
      } finally {
        unguard();
      }
    },
  };
}

/**
 * What came through of it is of no use to anybody, though it would end by itself, too. Where all of it did, it is
 * published by now: gives what publishing has answered, else null.
 *
 * @param {Upload} upload
 */
async function takenBack(upload) {
  try {
    await upload.drop();
  } catch (error) {
    if (error instanceof ApiError && error.status === 409) return upload.publish().catch(() => null);
  }
  return null;
}

/**
 * It gave up: whether to go on. Throws AbortError for no.
 *
 * @param {Error} error
 * @param {HTMLElement} place
 * @param {AbortController} control
 */
async function another(error, place, control) {
  control.signal.throwIfAborted();
  if (!(error instanceof ApiError || error instanceof Offline)) return false;
  const isYes = await new Promise((answer) => {
    const again = h("button", { type: "button", class: "button primary", onclick: () => answer(true) },
      t("send.again"));
    replace(place,
      notice("bad", error instanceof ApiError && error.status === 404 ? t("send.draft_gone") : explain(error)),
      h("div", { class: "actions" }, again,
        h("button", { type: "button", class: "button", onclick: () => answer(false) }, t("common.cancel"))));
    again.focus();
  });
  if (!isYes) control.abort();
  control.signal.throwIfAborted();
  return true;
}
