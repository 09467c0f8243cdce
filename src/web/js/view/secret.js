// @ts-check
// The page with the secret: hidden until shown, with buttons to copy, save and delete. `wipe()` removes
// everything that holds it. Its files are in files.js.

import { explain } from "../common/api.js";
import { announce, busy, confirmDialog, copyButton, h, notice, replace } from "../common/dom.js";
import { saveBytes } from "../common/download.js";
import { write } from "../common/live.js";
import { duration, t } from "../common/page.js";
import { shownText } from "../common/shown_text.js";
import { card } from "./ends.js";
import { filesPart } from "./files.js";

/**
 * @typedef {object} BurnActions
 * @property {(viewsLeft: number) => Promise<void>} onBurn
 * @property {() => Promise<number>} getViewsLeft
 */

/** How long main.js keeps a secret on a page in the background, in seconds. */
const AWAY_SECONDS = 300;

/**
 * `{ node, wipe(), isBusy(), isAtStake() }` for `content`, `{ text, attachments }`. `getViewsLeft()` requests
 * the views of others; `onBurn(viewsLeft)` deletes the secret and shows the next page. Both throw what `call`
 * throws.
 *
 * @param {{ id: string, content: { text: string, attachments: Attachment[] }, message: string | null,
 *   lease: Lease, reply: Node | null } & BurnActions} options
 */
export function secretPage({ id, content, message, lease, reply, onBurn, getViewsLeft }) {
  const text = textPart(content.text, content.attachments.length > 0);
  const files = filesPart(content.attachments, { id, lease });
  const burning = burnPart(lease, { onBurn, getViewsLeft });
  const again = againLine(lease, burning.tell);
  const node = card(t("view.here"),
    message && [
      h("h2", {}, t("view.message")),
      h("blockquote", { class: "pre", dir: "auto", translate: "no" }, message),
    ],
    text.node,
    files.node,
    reply,
    h("h2", {}, t("view.done")),
    again.node,
    h("p", { class: "hint" }, t("view.away_hint", { time: duration(AWAY_SECONDS) })),
    burning.node);
  return {
    node,
    isBusy: files.isBusy,
    /** Whether it cannot be fetched again, and was not completely read or saved. */
    isAtStake: () => files.isBusy()
      || (lease.secondsLeft === 0 && !lease.viewsLeft && !(text.isTaken() && files.areTaken())),
    wipe() {
      again.stop();
      text.wipe();
      files.wipe();
      node.replaceChildren();
    },
  };
}

/**
 * @param {string} secret
 * @param {boolean} hasFiles
 */
function textPart(secret, hasFiles) {
  let text = secret;
  if (text === "") {
    const node = h("p", { class: "muted" }, t(hasFiles ? "view.no_text" : "view.empty"));
    return { node, wipe() {}, isTaken: () => true };
  }
  const place = h("div", {
    class: "secret covered", id: "secret", role: "group", "aria-label": t("view.secret"), tabindex: "0",
    translate: "no", spellcheck: "false", autocomplete: "off",
  });
  const forms = h("div", {});
  const show = h("button", { type: "button", class: "button", "aria-controls": "secret" });
  let isTaken = false;
  let end = () => {};
  const took = () => { isTaken = true; };
  /** @param {boolean} covered */
  const cover = (covered) => {
    place.classList.toggle("covered", covered);
    end();
    if (covered) {
      replace(place, h("span", { class: "dots", "aria-hidden": "true" }, "• • • • • • • •"),
        h("span", { class: "hint" }, t("view.covered")));
    } else {
      const shown = shownText(text, { plain: (plain) => h("pre", { dir: "auto" }, plain) });
      end = shown.end;
      replace(place, shown.node);
      replace(forms, shown.choices);
    }
    write(show, t(covered ? "view.show" : "view.hide"));
    show.setAttribute("aria-expanded", String(!covered));
  };
  show.addEventListener("click", () => {
    took();
    cover(!place.classList.contains("covered"));
  });
  cover(true);
  return {
    node: h("div", { class: "field" }, place, forms, h("div", { class: "actions" },
      copyButton(() => text, t("common.copy"), { class: "button primary" }, { onCopied: took }),
      show,
      h("button", {
        type: "button", class: "button", onclick: () => {
          saveBytes(text, { name: `${t("view.file_name")}.txt` });
          took();
        },
      }, t("view.save")))),
    isTaken: () => isTaken,
    wipe() {
      text = "";
      end();
      place.replaceChildren();
    },
  };
}

/**
 * How long the secret can be fetched again, and where. Screen readers do not read it: it changes every
 * second.
 *
 * @param {Lease} lease
 * @param {() => void} onEnd
 */
function againLine(lease, onEnd) {
  const line = h("p", { class: "again" });
  const shared = h("p", { class: "hint" }, t("view.again_shared"));
  const node = h("div", {}, line, shared);
  const tell = () => {
    const left = lease.secondsLeft;
    shared.hidden = left === 0 || !lease.isShared;
    write(line, left > 0 ? t("view.again_until", { time: duration(left) }) : t("view.again_over"));
    if (left > 0) return;
    stop();
    onEnd();
  };
  const timer = setInterval(tell, 1000);
  const stop = () => clearInterval(timer);
  tell();
  return { node, stop };
}

/**
 * @param {Lease} lease
 * @param {BurnActions} actions
 */
function burnPart(lease, { onBurn, getViewsLeft }) {
  // If others can still view the secret, this ends only this viewer's lease; if nothing is left on the
  // server, only this page has it.
  /** @param {TextLike} text */
  const leaving = (text) => ({
    label: t("view.leave"), title: t("view.leave_title"), yes: t("view.leave_yes"), text,
  });
  /** @param {number | null} viewsLeft */
  const wordsFor = (viewsLeft) => (viewsLeft ? leaving(t("view.leave_text", { count: viewsLeft }))
    : lease.secondsLeft === 0 ? leaving(t("view.leave_last"))
    : {
      label: t("view.burn"), title: t("view.burn_title"), text: t("view.burn_text"), yes: t("view.burn_yes"),
    });
  const problem = h("div", {});
  const button = h("button", { type: "button", class: "button danger" }, wordsFor(lease.viewsLeft).label);
  button.addEventListener("click", () => busy(button, async () => {
    replace(problem);
    try {
      // Others may have viewed it since.
      const viewsLeft = await getViewsLeft();
      const words = wordsFor(viewsLeft);
      write(button, words.label);
      if (!await confirmDialog(words)) return;
      await onBurn(viewsLeft);
    } catch (error) {
      replace(problem, notice("bad", explain(error)));
      announce(explain(error));
    }
  }));
  return {
    node: h("div", {}, problem, h("div", { class: "actions" }, button)),
    tell: () => write(button, wordsFor(lease.viewsLeft).label),
  };
}
