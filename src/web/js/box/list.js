// @ts-check
// The messages of an opened box: texts, hidden until requested, and files to save, one page after another,
// and the button that deletes the box. If reading deletes messages, this page has the only copy and says so.
import { ApiError } from "../common/api.js";
import { announce, busy, confirmDialog, copyButton, h, notice, replace } from "../common/dom.js";
import { joined, write } from "../common/live.js";
import { bytes, date, t } from "../common/page.js";
import { shownText } from "../common/shown_text.js";
import { save } from "../common/download.js";
import { progressBar } from "../common/progress.js";
import { explainBox, isKnown } from "./service.js";
import { guardLeaving } from "../common/stakes.js";

/** A list of messages. `first` is the first page from `reader.next()`. */
export class MessageList {
  #terms;
  /** @type {BoxReader | null} */
  #reader;
  #close;
  #title = h("h2", { tabindex: -1, class: "first" }, t("box.inside"));
  #count = h("p", { class: "muted", role: "status" });
  #list = h("ul", { class: "list messages" });
  #state = h("div", {});
  #more;
  #shown = 0;
  #deletes;
  #unguard = () => {};

  node;

  /**
   * @param {{ terms: Terms, reader: BoxReader, first: BoxPage, warning: Node | null,
   *   close: () => void }} options
   */
  constructor({ terms, reader, first, warning, close }) {
    this.#terms = terms;
    this.#reader = reader;
    this.#close = close;
    /**
     * @param {TextLike} text
     * @param {Props["onclick"]} onclick
     * @param {string} [look]
     */
    const button = (text, onclick, look = "button") =>
      h("button", { type: "button", class: look, onclick }, text);
    this.#more = button(t("box.more"), () => this.#showMore());
    const { DeleteMessagesAfterReading: messages, DeleteKeyAfterReading: all } = terms;
    this.#deletes = (messages || all) && first.items.length > 0;
    const told = t(all ? "box.deleted_box" : "box.deleted_messages");
    this.node = h("div", { class: "opened" },
      this.#title, warning,
      this.#deletes && notice("warn", told),
      this.#count, this.#list, this.#state, h("div", { class: "actions" }, this.#more),
      h("div", { class: "actions end" },
        button(t("box.close"), () => this.#leave()),
        button(t("box.delete"), ({ currentTarget }) => this.#delete(currentTarget), "button danger")));
    if (this.#deletes) this.#unguard = guardLeaving();
    this.#add(first);
  }

  /** Moves the focus to the heading. */
  focus() {
    this.#title.focus();
  }

  /** @param {BoxPage} page */
  #add({ items, more }) {
    this.#list.append(...items.map((item) => this.#row(item)));
    this.#shown += items.length;
    write(this.#count, this.#shown ? t("box.count", { count: this.#shown }) : t("box.empty"));
    this.#list.hidden = this.#shown === 0;
    this.#more.hidden = !more;
  }

  async #showMore() {
    const before = this.#list.lastElementChild;
    await busy(this.#more, async () => {
      replace(this.#state);
      try {
        if (this.#reader) this.#add(await this.#reader.next());
      } catch (error) {
        // The box was deleted with its last message.
        if (this.#terms.DeleteKeyAfterReading && isKnown(error, "box.error_no_box")) this.#more.hidden = true;
        else replace(this.#state, notice("bad", explainBox(error)));
      }
    });
    (before?.nextElementSibling?.querySelector("button") ?? this.#title).focus();
  }

  /** @param {BoxItem} item */
  #row(item) {
    const facts = joined([date(item.created), item.isFile && bytes(item.size)], " · ");
    const state = h("div", { class: "row-state" });
    const body = item.isFile ? this.#fileBody(item, state) : this.#textBody(item);
    return h("li", { class: "message" },
      h("div", { class: "message-head" },
        h("span", { class: "badge" }, t(item.isFile ? "box.file" : "box.text")),
        h("span", { class: "muted small" }, facts)),
      item.fails && h("p", { class: "error" }, failure(item)),
      ...body, state,
      h("details", { class: "about" }, h("summary", { class: "small" }, t("box.about")),
        h("dl", {},
          h("dt", {}, t("box.number")), h("dd", {}, String(item.id)),
          h("dt", {}, t("box.size")), h("dd", {}, bytes(item.size)),
          item.type && [h("dt", {}, t("box.type")), h("dd", { translate: "no" }, item.type)],
          item.sha256 && [h("dt", {}, "SHA-256"), h("dd", { class: "mono", translate: "no" }, item.sha256)],
        )));
  }

  /** @param {BoxItem} item */
  #textBody(item) {
    const text = item.text ?? item.raw ?? "";
    // Long texts scroll, also by keyboard.
    const area = h("div", {
      class: "shown-text", translate: "no", hidden: true, tabindex: 0, role: "group", "aria-label": t("box.text"),
    });
    const forms = h("div", {});
    let end = () => {};
    const look = { type: "button", class: "button small", "aria-expanded": "false" };
    const show = h("button", look, t("box.show"));
    const copy = copyButton(() => text, t("common.copy"), { class: "button small" });
    show.addEventListener("click", () => {
      area.hidden = !area.hidden;
      // A hidden text is not in the document.
      end();
      if (!area.hidden) {
        const shown = shownText(text, { plain: (plain) => h("div", { class: "pre" }, plain) });
        end = shown.end;
        replace(area, shown.node);
        replace(forms, shown.choices);
      }
      show.setAttribute("aria-expanded", String(!area.hidden));
      write(show, t(area.hidden ? "box.show" : "box.hide"));
      if (!area.hidden) area.focus();
    });
    return [h("div", { class: "actions tight" }, show, copy), area, forms];
  }

  /**
   * @param {BoxItem} item
   * @param {HTMLElement} state
   */
  #fileBody(item, state) {
    /** @type {HTMLButtonElement} */
    const button = h("button", {
      type: "button", class: "button small", "aria-label": t("box.save_named", { name: item.name }),
      onclick: () => busy(button, () => this.#save(item, state)),
    }, t("box.save"));
    const name = h("p", { class: "file-name", translate: "no" }, item.name);
    return [name, h("div", { class: "actions tight" }, button)];
  }

  /**
   * @param {BoxItem} item
   * @param {HTMLElement} state
   */
  async #save(item, state) {
    const reader = this.#reader;
    if (!reader) return;
    const stop = new AbortController();
    const bar = progressBar({ label: t("box.fetching"), onCancel: () => stop.abort() });
    replace(state, bar.node);
    const { signal } = stop;
    // The size of the plaintext is not always known: the size of the ciphertext differs.
    /** @param {number} done */
    const onProgress = (done) => bar.update(done, Math.max(done, item.size));
    /** @param {BoxItem} other */
    const found = (other) => this.#add({ items: [other], more: !this.#more.hidden });
    try {
      /** @param {{ isInMemory: boolean }} options */
      const stream = ({ isInMemory }) => reader.file(item, { signal, found, isInMemory });
      await save(stream, { name: item.name ?? "", size: item.size, onProgress, signal });
      replace(state, h("p", { class: "hint" }, t("box.saved")));
      announce(t("box.saved"));
    } catch (error) {
      if (error.name === "AbortError") replace(state);
      else replace(state, h("p", { class: "error", role: "alert" }, explainBox(error)));
    }
  }

  async #leave() {
    const leave = !this.#deletes || await confirmDialog({
      title: t("box.close_title"), text: t("box.close_text"), yes: t("box.close"),
    });
    if (!leave) return;
    this.#unguard();
    this.#close();
  }

  /** @param {HTMLElement} button */
  async #delete(button) {
    const sure = await confirmDialog({
      title: t("box.delete_title"), text: t("box.delete_text"), yes: t("box.delete_yes"),
    });
    if (!sure) return button.focus();
    await busy(button, async () => {
      replace(this.#state);
      try {
        await this.#reader?.delete();
      } catch (error) {
        const isGone = isKnown(error, "box.error_no_box");
        if (!isGone) return replace(this.#state, notice("bad", explainBox(error)));
      }
      this.#unguard();
      this.#reader = null;
      replace(this.node, this.#title, h("p", {}, t("box.gone_now")),
        h("div", { class: "actions" }, h("a", { class: "button", href: "box" }, t("box.to_boxes"))));
      write(this.#title, t("box.gone_title"));
      this.node.dispatchEvent(new CustomEvent("boxgone", { bubbles: true }));
      this.#title.focus();
      return undefined;
    });
  }
}

/** @param {BoxItem} item */
function failure({ fails }) {
  return fails instanceof ApiError ? explainBox(fails) : t("box.not_opened");
}
