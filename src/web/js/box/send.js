// @ts-check
// Sends a text and files to a box, sealed in this browser or by the server. Here, each item gets its own key
// and is sent by itself. A retry seals and sends only the items that are missing.
import { busy, h, notice, replace } from "../common/dom.js";
import { write } from "../common/live.js";
import { bytes, config, date, list, number, t } from "../common/page.js";
import { Offline } from "../common/api.js";
import { importPublicKey, sealFile, sealText } from "../crypto/envelope.js";
import { hasWebCrypto } from "../crypto/engine.js";
import { encryptSwitch } from "./switch.js";
import { fingerprint, fingerprintDetails } from "./fingerprint.js";
import { explainBox, publicKeyOf, put, termsOf } from "./service.js";
import { filePicker } from "../common/files.js";
import { progressBar } from "../common/progress.js";

/** More files than this are probably a mistake. */
const MAX_FILES = 100;
/** The limit is for all parameters together, so some of it is kept for the wrapped key and the token. */
const RESERVE = 3000;

/**
 * The form for a box with these terms, as an element.
 *
 * @param {string} token
 * @param {Terms} terms
 */
export function sendForm(token, terms) {
  const node = h("div", {});
  if (terms.IsLocked) return replace(node, lockedNotice(terms));
  const form = new SendForm(token);
  replace(node, form.node);
  return node;
}

/** @param {Terms} terms */
function lockedNotice(terms) {
  return notice("warn", t("box.locked", { date: date(terms.LockDate) }));
}

/**
 * Something to send to a box, and whether it has arrived.
 *
 * @typedef {{ form: FormData | Blob, size: number, sent?: boolean }} Sendable
 */

class SendForm {
  #token;
  /** @type {CryptoKey | null} */
  #publicKey = null;
  /** @type {Sendable[] | null} */
  #items = null;
  #stop = new AbortController();
  #isSending = false;
  #text;
  #picker;
  #encrypt;
  #print = h("div", {});
  #state = h("div", { class: "send-state" });
  #button;
  #controls;
  #textError;

  node;

  /** @param {string} token */
  constructor(token) {
    this.#token = token;
    this.#text = h("textarea", {
      id: "message", rows: 6, translate: "no", spellcheck: "false", autocomplete: "off",
      "aria-describedby": "message-error", oninput: () => this.#changed(),
    });
    this.#textError = h("p", { class: "error", id: "message-error", hidden: true });
    this.#picker = filePicker({
      max: MAX_FILES, maxSize: config.max_upload, onChange: () => this.#changed(),
    });
    this.#encrypt = encryptSwitch("box.send_here_hint", "box.send_server_hint", () => this.#changed());
    this.#button = h("button", { type: "submit", class: "button primary big" }, t("box.send"));
    this.#controls = h("fieldset", { class: "plain" },
      h("div", { class: "field" },
        h("label", { for: "message" }, t("box.message")), this.#text, this.#textError),
      this.#picker.node, this.#encrypt.node, this.#print);
    /** @param {Event} event */
    const submit = (event) => {
      event.preventDefault();
      this.#submit();
    };
    this.node = h("form", { novalidate: true, onsubmit: submit },
      this.#controls, this.#state, h("div", { class: "actions" }, this.#button));
    if (hasWebCrypto()) this.#loadKey().catch((error) => this.#keyFailed(error));
  }

  /** Sealed items match the form as it was, so a change discards them. */
  #changed() {
    if (this.#isSending) return;
    this.#items = null;
    this.#textError.hidden = true;
    this.#text.removeAttribute("aria-invalid");
    write(this.#button, t("box.send"));
    replace(this.#state);
  }

  async #loadKey() {
    if (this.#publicKey) return this.#publicKey;
    const pem = await publicKeyOf(this.#token);
    const key = await importPublicKey(pem);
    replace(this.#print, fingerprintDetails(await fingerprint(pem)));
    return (this.#publicKey = key);
  }

  /**
   * If this browser cannot use the key, the server may be able to.
   *
   * @param {Error} error
   */
  #keyFailed(error) {
    if (error instanceof Offline) return;
    this.#encrypt.disable(explainBox(error));
  }

  #submit() {
    if (this.#isSending) return;
    const text = this.#text.value;
    if (!text && !this.#picker.files.length) {
      write(this.#textError, t("box.nothing"));
      this.#textError.hidden = false;
      this.#text.setAttribute("aria-invalid", "true");
      return this.#text.focus();
    }
    busy(this.#button, () => this.#send(text, this.#picker.files));
  }

  /**
   * @param {string} text
   * @param {File[]} files
   */
  async #send(text, files) {
    this.#stop = new AbortController();
    this.#isSending = true;
    this.#controls.disabled = true;
    try {
      this.#items ??= this.#encrypt.checked
        ? await this.#sealAll(text, files) : plainItems(text, files);
      await this.#sendAll(this.#items);
      this.#sent(text, files);
    } catch (error) {
      await this.#failed(error);
    } finally {
      this.#isSending = false;
      this.#controls.disabled = false;
    }
  }

  /** @param {TextLike} label */
  #progress(label) {
    const bar = progressBar({ label, onCancel: () => this.#stop.abort() });
    const hadFocus = this.#state.contains(document.activeElement);
    replace(this.#state, bar.node);
    if (hadFocus) bar.node.querySelector("button")?.focus();
    return bar;
  }

  /**
   * The sealed items. The browser keeps large ones on disk.
   *
   * @param {string} text
   * @param {File[]} files
   */
  async #sealAll(text, files) {
    const publicKey = await this.#loadKey();
    const { signal } = this.#stop;
    const total = files.reduce((sum, { size }) => sum + size, 0);
    const bar = this.#progress(t("box.sealing"));
    const items = [];
    if (text) {
      const sealed = await sealText(publicKey, text);
      if (sealed.encryptedmessage.length + RESERVE > config.max_ciphertext) throw new TextTooLong();
      items.push({ form: asJson(sealed), size: sealed.encryptedmessage.length });
    }
    let done = 0;
    for (const file of files) {
      /** @param {number} part */
      const onProgress = (part) => bar.update(done + part, total);
      const sealed = await sealFile(publicKey, file, { signal, onProgress });
      // Incompressible files grow a little.
      if (sealed.blob.size > (config.max_upload ?? Infinity)) throw new FileTooLong(file.name);
      const form = new FormData();
      form.append("encryptionkey", sealed.encryptionkey);
      form.append("encryptedfile", sealed.blob, sealed.name);
      items.push({ form, size: sealed.blob.size });
      done += file.size;
    }
    signal.throwIfAborted();
    return items;
  }

  /** @param {Sendable[]} items */
  async #sendAll(items) {
    const { signal } = this.#stop;
    const total = items.reduce((sum, { size }) => sum + size, 0);
    let done = items.reduce((sum, item) => sum + (item.sent ? item.size : 0), 0);
    const bar = this.#progress(t("box.sending"));
    bar.update(done, total);
    for (const item of items) {
      if (item.sent) continue;
      /** @param {number} part */
      const onProgress = (part) => {
        bar.update(done + Math.min(part, item.size), total);
        if (part >= item.size) bar.say(t("box.storing"));
      };
      await put(this.#token, item.form, { signal, onProgress });
      item.sent = true;
      done += item.size;
      bar.update(done, total);
    }
    bar.finish();
  }

  /**
   * @param {string} text
   * @param {File[]} files
   */
  #sent(text, files) {
    const what = [];
    if (text) what.push(t("box.sent_text"));
    if (files.length) what.push(t("box.sent_files", { count: files.length }));
    const title = h("h2", { tabindex: -1, class: "first" }, t("box.sent"));
    const more = () => {
      this.#text.value = "";
      this.#items = null;
      this.#picker.clear();
      done.replaceWith(this.node);
      replace(this.#state);
      this.#text.focus();
    };
    const done = h("div", { class: "sent" }, title,
      h("p", {}, t("box.sent_what", { what: list(what) })),
      h("p", {}, t(this.#encrypt.checked ? "box.sent_here" : "box.sent_server")),
      h("div", { class: "actions" },
        h("button", { type: "button", class: "button", onclick: more }, t("box.send_more"))));
    this.#text.value = "";
    this.node.replaceWith(done);
    title.focus();
  }

  /** @param {Error} error */
  async #failed(error) {
    const items = this.#items ?? [];
    const arrived = items.filter(({ sent }) => sent).length;
    const stopped = error.name === "AbortError";
    const told = stopped ? t("box.stopped") : await this.#explainFailure(error);
    replace(this.#state, notice(stopped ? "info" : "bad", h("p", {}, told),
      arrived > 0 && h("p", {}, t("box.arrived", { count: arrived, total: number(items.length) }))));
    if (this.#items) write(this.#button, t("box.again"));
    this.#button.focus();
  }

  /**
   * A server that refuses an upload closes the connection, so this asks for the reason.
   *
   * @param {Error} error
   */
  async #explainFailure(error) {
    if (error instanceof TextTooLong) return t("box.error_sealed_too_long");
    if (error instanceof FileTooLong) {
      return t("box.error_sealed_file", { name: error.message, max: bytes(config.max_upload ?? 0) });
    }
    if (!(error instanceof Offline)) return explainBox(error);
    try {
      const terms = await termsOf(this.#token);
      if (terms.IsLocked) return t("box.locked", { date: date(terms.LockDate) });
    } catch (other) {
      return explainBox(other);
    }
    return explainBox(error);
  }
}

class TextTooLong extends Error {}
class FileTooLong extends Error {}

/**
 * Parameters as JSON: FormData would change line ends, and other encodings are longer.
 *
 * @param {Record<string, unknown>} values
 */
function asJson(values) {
  return new Blob([JSON.stringify(values)], { type: "application/json" });
}

/**
 * The items for the server to seal.
 *
 * @param {string} text
 * @param {File[]} files
 */
function plainItems(text, files) {
  /** @type {Sendable[]} */
  const items = [];
  if (text) {
    const { size } = new Blob([text]);
    if (size + RESERVE > config.max_ciphertext) throw new TextTooLong();
    items.push({ form: asJson({ message: text }), size });
  }
  return items.concat(files.map((file) => {
    const form = new FormData();
    form.append("file", file, file.name);
    return { form, size: file.size };
  }));
}
