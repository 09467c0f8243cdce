// @ts-check
// Opens a box with the key file in this browser, or with the passphrase on the server. The page offers the
// second way only if the server has the private key; the server then receives the passphrase, and the page
// says so. list.js shows the messages.
import { busy, field, h, notice, replace } from "../common/dom.js";
import { joined, write } from "../common/live.js";
import { t } from "../common/page.js";
import { utf8 } from "../crypto/bytes.js";
import { canSeal } from "./switch.js";
import { hasWebCrypto } from "../crypto/engine.js";
import { fingerprint } from "./fingerprint.js";
import { MessageList } from "./list.js";
import { offlineReader, onlineReader } from "./reader.js";
import { explainBox, fitsHeader, isKnown, publicKeyOf } from "./service.js";
import { passwordField } from "../common/password.js";

/** The largest key file, in bytes. */
const MAX_KEY_FILE = 64 << 10;

/**
 * The form that opens a box with these terms, as an element. The list of messages replaces it.
 *
 * @param {string} token
 * @param {Terms} terms
 */
export function readForm(token, terms) {
  const node = h("div", {});
  replace(node, new ReadForm(token, terms, node).node);
  return node;
}

class ReadForm {
  #token;
  #terms;
  #place;
  #passphrase = passwordField({
    label: t("box.passphrase"), generator: false, autocomplete: "off", required: true,
  });
  #file;
  #pasted;
  #keyPart = h("div", { hidden: true });
  /** @type {HTMLElement | null} */
  #choice = null;
  #explained = h("p", { class: "hint" });
  #failed = h("div", {});
  #button = h("button", { type: "submit", class: "button primary big" }, t("box.open"));

  node;

  /**
   * @param {string} token
   * @param {Terms} terms
   * @param {HTMLElement} place
   */
  constructor(token, terms, place) {
    this.#token = token;
    this.#terms = terms;
    this.#place = place;
    const chooser = h("input", { type: "file", accept: ".pem,.key,.txt,application/x-pem-file" });
    this.#file = field(t("box.key_file"), chooser);
    this.#pasted = field(t("box.key_text"), h("textarea", {
      class: "mono", rows: 4, translate: "no", "data-fleeting": true, spellcheck: "false",
      autocomplete: "off",
    }));
    // Unless the server says that it has the private key, it gets no passphrase.
    const ways = [];
    if (terms.HasPrivateKey === true) ways.push("passphrase");
    if (canSeal()) ways.push("key");
    if (ways.length === 0) {
      this.node = notice("warn", h("p", {}, t("box.open_only_here")), h("p", {}, cannotOpenHere()));
      return;
    }
    replace(this.#keyPart, this.#file.node,
      h("details", {}, h("summary", {}, t("box.key_paste")), this.#pasted.node));
    /** @param {string} value */
    const way = (value) => h("label", {},
      h("input", { type: "radio", name: "way", value, onchange: () => this.#show(value) }),
      t(`box.way_${value}`));
    if (ways.length > 1) {
      this.#choice = h("fieldset", {}, h("legend", {}, t("box.way")),
        h("div", { class: "choice" }, ...ways.map(way)));
    }
    /** @param {Event} event */
    const submit = (event) => {
      event.preventDefault();
      this.#submit();
    };
    this.node = h("form", { novalidate: true, onsubmit: submit },
      ...termNotices(terms), this.#choice, this.#keyPart, this.#passphrase.node, this.#explained,
      this.#failed,
      h("div", { class: "actions" }, this.#button));
    this.#show(ways[0]);
  }

  get #isOffline() {
    return !this.#keyPart.hidden;
  }

  /** @param {string} way */
  #show(way) {
    this.#keyPart.hidden = way !== "key";
    const chosen = this.#choice?.querySelector(`[value=${way}]`);
    if (chosen) /** @type {HTMLInputElement} */ (chosen).checked = true;
    const texts = way === "key"
      ? [!this.#choice && t("box.open_only_here"), t("box.open_here_hint")]
      : [t("box.open_server_hint"), !this.#choice && cannotOpenHere()];
    write(this.#explained, joined(texts));
    replace(this.#failed);
  }

  async #submit() {
    replace(this.#failed);
    this.#passphrase.setError("");
    this.#file.setError("");
    const passphrase = this.#passphrase.value;
    const pem = this.#isOffline ? await this.#keyText() : null;
    if (this.#isOffline && !pem) {
      this.#file.setError(t("box.key_missing"));
      return this.#file.control.focus();
    }
    if (!passphrase) return this.#wrong(t("box.passphrase_missing"));
    if (!this.#isOffline && (!fitsHeader(passphrase) || utf8(passphrase).length > 1024)) {
      return this.#wrong(t("box.error_wrong"));
    }
    await busy(this.#button, () => this.#open(passphrase, pem).catch((error) => this.#tellFailure(error)));
  }

  /** @param {TextLike} text */
  #wrong(text) {
    this.#passphrase.setError(text);
    this.#passphrase.control.focus();
  }

  async #keyText() {
    const [file] = this.#file.control.files ?? [];
    if (!file) return this.#pasted.control.value.trim();
    if (file.size > MAX_KEY_FILE) return "-";
    return file.text().catch(() => "-");
  }

  /**
   * @param {string} passphrase
   * @param {string | null} pem
   */
  async #open(passphrase, pem) {
    let reader;
    let warning = null;
    if (pem) {
      const opened = await offlineReader(this.#token, pem, passphrase);
      reader = opened.reader;
      warning = await this.#checkKey(opened.publicKey);
    } else {
      reader = onlineReader(this.#token, this.#terms, passphrase);
    }
    const first = await reader.next();
    const close = () => {
      const form = new ReadForm(this.#token, this.#terms, this.#place);
      replace(this.#place, form.node);
      form.#passphrase.control.focus();
    };
    const list = new MessageList({ terms: this.#terms, reader, first, warning, close });
    replace(this.#place, list.node);
    list.focus();
  }

  /**
   * A server that gives senders another key could read all new messages.
   *
   * @param {string} mine
   */
  async #checkKey(mine) {
    const theirs = await publicKeyOf(this.#token).catch(() => null);
    if (theirs === null) return null;
    const print = await fingerprint(theirs).catch(() => null);
    return print === await fingerprint(mine) ? null : notice("bad", t("box.other_key"));
  }

  /** @param {Error} error */
  #tellFailure(error) {
    const isWrong = isKnown(error, "box.error_wrong") || error.name === "WrongPassphrase";
    if (isWrong) return this.#wrong(explainBox(error));
    if (error.name === "UnreadableKey") {
      this.#file.setError(explainBox(error));
      return this.#file.control.focus();
    }
    if (isKnown(error, "box.error_key_file") && this.#choice) this.#show("key");
    replace(this.#failed, notice("bad", explainBox(error)));
    return undefined;
  }
}

/** The reason why this browser cannot open boxes with a key file. */
function cannotOpenHere() {
  return t(hasWebCrypto() ? "box.open_old" : "box.open_insecure");
}

/**
 * Warnings to show before reading.
 *
 * @param {Terms} terms
 */
function termNotices(terms) {
  const notices = [];
  if (terms.DeleteKeyAfterReading) notices.push(notice("warn", t("box.will_delete_box")));
  if (terms.DeleteMessagesAfterReading) notices.push(notice("warn", t("box.will_delete_messages")));
  return notices;
}
