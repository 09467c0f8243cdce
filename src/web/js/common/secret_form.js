// @ts-check
// The form for a new secret: text and files, errors at their fields, progress and retries. sending.js
// encrypts and calls the server; the pages decide what follows.
import { ApiError, explain, Offline } from "./api.js";
import { $, announce, busy, field, h, notice, replace } from "./dom.js";
import { filePicker } from "./files.js";
import { focusWrong } from "./form.js";
import { bytes, config, duration, t } from "./page.js";
import { progressBar } from "./progress.js";
import { excess, hand, maxFiles } from "./sending.js";
import { guardLeaving } from "./stakes.js";

/**
 * Text and files: `{ node, text, files, fields, check(), fill() }`. `check` shows errors; true if there are none.
 * `fill` adds a text and files as if they were entered.
 */
export function contentForm({ hint = "" } = {}) {
  const area = h("textarea", { rows: 6, autocomplete: "off", spellcheck: "false", translate: "no" });
  const written = field(t("send.text"), area, hint);
  const tell = () => {
    // A character has at most four bytes, so a short text needs no exact check.
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
    /** @param {{ text: string, files: File[] }} content */
    fill: ({ text, files }) => {
      area.value = [area.value, text].filter(Boolean).join("\n");
      if (files.length) picker.add(files);
      tell();
    },
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
 * Sends the result of `request()` (the arguments of `hand`) and shows progress. Errors appear at `fields` (by
 * their API names) or in `place`, below the form. `explained(error)` may return a message for an error, or ""
 * if it has shown it itself. Returns `{ data, publicHalf }`, or null on failure; the form then stays as it
 * was.
 *
 * @param {{ form: HTMLElement, button: HTMLButtonElement, place: HTMLElement,
 *   fields: Record<string, Field<HTMLElement>>, request: () => HandRequest,
 *   explained?: (error: Error) => TextLike | null | Promise<TextLike | null> }} options
 */
export async function deliver({ form, button, place, fields, request, explained = () => null }) {
  replace(place);
  setInert(form, true);
  try {
    return await busy(button, () => attempt({ place, request })) ?? null;
  } catch (error) {
    setInert(form, false);
    if (error.name === "AbortError") {
      replace(place, notice("info", t("send.cancelled")));
      button.focus({ preventScroll: true });
      return null;
    }
    showError({ error, form, button, place, fields, explained: await explained(error) });
    return null;
  } finally {
    setInert(form, false);
  }
}

/**
 * Locks a form, or unlocks it. Its heading stays, because it is that of the page.
 *
 * @param {HTMLElement} form
 * @param {boolean} isInert
 */
function setInert(form, isInert) {
  for (const part of form.children) {
    if (part instanceof HTMLElement && part.tagName !== "H1") part.inert = isInert;
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
  // The pressed button lost the focus while the form was inert.
  button.focus({ preventScroll: true });
}

/** @param {Error} error */
function sentence(error) {
  if (error instanceof Offline || error instanceof ApiError) return explain(error);
  // For example, a file that can no longer be read.
  return ["FileChanged", "NotFoundError", "NotReadableError"].includes(error.name)
    ? t("send.unreadable") : t("send.failed", { why: error.message });
}

/**
 * The message for an invalid field, by its API name.
 *
 * @param {ApiError} error
 */
function fieldError(error) {
  switch (error.field) {
    case "ciphertext": return t("send.wrong.ciphertext");
    case "attachments": return t("send.wrong.attachments");
    case "message": case "description": return t("send.wrong.text");
    case "expiration": case "expires_at": return t("send.wrong.expiration");
    case "max_views": return t("send.wrong.max_views");
    case "password": return t("send.wrong.password");
    default: return error.message;
  }
}

/**
 * Sends one secret and its files; starts again if the server has dropped the draft.
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
 * Progress of an upload, and the question whether to go on after a failure.
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
     * Returns the answer of publishing, or "gone" if everything must be sent again.
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
 * Deletes a draft that nobody needs; it would also expire. If the secret is already published, returns the
 * answer of publishing, else null.
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
 * Asks whether to go on after a failure. Throws AbortError for no.
 *
 * @param {Error} error
 * @param {HTMLElement} place
 * @param {AbortController} control
 */
async function another(error, place, control) {
  control.signal.throwIfAborted();
  if (!(error instanceof ApiError || error instanceof Offline)) return false;
  const isGone = error instanceof ApiError && error.status === 404;
  const isYes = await new Promise((answer) => {
    const again = h("button", { type: "button", class: "button primary", onclick: () => answer(true) },
      t("send.again"));
    replace(place,
      notice("bad", isGone ? t("send.draft_gone") : explain(error)),
      h("div", { class: "actions" }, again,
        h("button", { type: "button", class: "button", onclick: () => answer(false) }, t("common.cancel"))));
    again.focus();
  });
  if (!isYes) control.abort();
  control.signal.throwIfAborted();
  return true;
}
