// @ts-check
// Creates a box: the form, the key pair (made here or on the server), and the page with the results.
import { copyButton, announce, busy, confirmDialog, field, h, notice, replace } from "../common/dom.js";
import { config, root, t } from "../common/page.js";
import { utf8 } from "../crypto/bytes.js";
import { createBoxKey } from "../crypto/box_key.js";
import { hasWebCrypto } from "../crypto/engine.js";
import { encryptSwitch } from "./switch.js";
import { fingerprint, fingerprintDetails } from "./fingerprint.js";
import { boxLink, explainBox, fitsHeader, isKnown, json, service } from "./service.js";
import { saveBytes } from "../common/download.js";
import { copyLine, linkLine, mayLeaveLink } from "../common/link.js";
import { passwordField } from "../common/password.js";
import { getKey, setKey, signOut } from "../common/session.js";
import { guardLeaving } from "../common/stakes.js";

/** The longest passphrase that the server accepts, in bytes. */
const MAX_PASSPHRASE = 1024;

/** The form, as an element. Once the box is created, the results replace it. */
export function createForm() {
  const node = h("section", { class: "card", "aria-labelledby": "create-title" });
  if (config.boxes === "off") {
    const title = h("h2", { id: "create-title", class: "first" }, t("box.off"));
    return replace(node, title, h("p", {}, t("box.off_text")));
  }
  showForm(node);
  return node;
}

/** @param {HTMLElement} node */
function showForm(node) {
  const passphrase = passwordField({
    label: t("box.passphrase"), hint: t("box.passphrase_new_hint"), required: true,
  });
  const encrypt = encryptSwitch("box.create_here_hint", "box.create_server_hint");
  const apiKey = config.boxes === "account" ? apiKeyField() : null;
  const options = optionFields();
  const failed = h("div", {});
  const button = h("button", { type: "submit", class: "button primary big" }, t("box.create"));
  const form = h("form", { novalidate: true },
    h("h2", { id: "create-title", class: "first", tabindex: -1 }, t("box.create_title")),
    apiKey?.node,
    passphrase.node,
    encrypt.node,
    options.node,
    failed,
    h("div", { class: "actions" }, button));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    replace(failed);
    const here = encrypt.checked;
    const wrong = [checkApiKey(apiKey), checkPassphrase(passphrase, here), ...options.check()].find(Boolean);
    if (wrong) return wrong.focus();
    const key = apiKey && (apiKey.node.hidden ? getKey() : apiKey.control.value.trim());
    const wanted = { passphrase: passphrase.value, here, terms: options.value(), key };
    busy(button, () => make(wanted)).then((made) => made && showMade(node, made), (error) => {
      const isKeyWrong = apiKey && isKnown(error, "box.error_api_key");
      if (!isKeyWrong) return replace(failed, notice("bad", explainBox(error)));
      // A key that was valid at sign-in may have been revoked since.
      signOut();
      apiKey.node.hidden = false;
      apiKey.setError(explainBox(error));
      return apiKey.control.focus();
    });
  });
  replace(node, form);
}

function apiKeyField() {
  const control = h("input", {
    type: "password", autocomplete: "off", spellcheck: "false", autocapitalize: "none", "data-fleeting": true,
  });
  const made = field(t("box.api_key"), control, t("box.api_key_hint"));
  made.node.hidden = getKey() !== null;
  return made;
}

/**
 * The invalid control, or null.
 *
 * @param {Field<HTMLInputElement> | null} apiKey
 */
function checkApiKey(apiKey) {
  if (!apiKey || apiKey.node.hidden) return null;
  const given = apiKey.control.value.trim();
  // A header can hold no other characters.
  const fits = /^[\x21-\x7e]+$/.test(given);
  apiKey.setError(given ? (fits ? "" : t("box.error_api_key")) : t("box.api_key_missing"));
  return fits ? null : apiKey.control;
}

/**
 * @param {PasswordField} passphrase
 * @param {boolean} isHere
 */
function checkPassphrase(passphrase, isHere) {
  const { value } = passphrase;
  /** @type {TextLike} */
  let wrong = "";
  if (!value) wrong = t("box.passphrase_missing");
  else if (utf8(value).length > MAX_PASSPHRASE) wrong = t("box.passphrase_long");
  // The server receives the passphrase in a header when the box is opened.
  else if (!isHere && !fitsHeader(value)) wrong = t("box.passphrase_spaces");
  passphrase.setError(wrong);
  return wrong ? passphrase.control : null;
}

/** The dates and the deletion settings: `{node, value(), check()}`. */
function optionFields() {
  const moment = () => h("input", { type: "datetime-local" });
  const release = field(t("box.release"), moment(), t("box.release_hint"));
  const lock = field(t("box.lock"), moment(), t("box.lock_hint"));
  const deleteMessages = h("input", { type: "checkbox" });
  const deleteBox = h("input", { type: "checkbox" });
  const node = h("details", { class: "options" }, h("summary", {}, t("box.options")),
    h("div", { class: "row" }, release.node, lock.node),
    h("label", { class: "check" }, deleteMessages, h("span", {}, t("box.delete_messages"))),
    h("label", { class: "check" }, deleteBox, h("span", {}, t("box.delete_box"))));
  const check = () => [release, lock].map(({ control, setError }) => {
    // A date that the browser cannot parse has no value, but the field is not empty.
    const wrong = control.validity.badInput || Number.isNaN(new Date(control.value || 0).getTime());
    setError(wrong ? t("box.date_wrong") : "");
    if (wrong) node.open = true;
    return wrong ? control : null;
  });
  const value = () => ({
    ...(release.control.value && { releasedate: utc(release.control.value) }),
    ...(lock.control.value && { lockdate: utc(lock.control.value) }),
    ...(deleteMessages.checked && { deletemessagesafterreading: "true" }),
    ...(deleteBox.checked && { deletekeyafterreading: "true" }),
  });
  return { node, value, check };
}

/**
 * Converts a moment in the local zone to UTC.
 *
 * @param {string} local
 */
function utc(local) {
  return `${new Date(local).toISOString().slice(0, 19)}Z`;
}

/**
 * A new box. `here`: its keys were made in this browser.
 *
 * @typedef {object} MadeBox
 * @property {string} token
 * @property {string} hash
 * @property {string} privateKey
 * @property {boolean} here
 * @property {string | null} fingerprint
 */

/**
 * Creates the box.
 *
 * @param {{ passphrase: string, here: boolean, terms: Record<string, string>, key: string | null }} options
 * @returns {Promise<MadeBox>}
 */
async function make({ passphrase, here, terms, key }) {
  if (here) announce(t("box.making"));
  const pair = here ? await createBoxKey(passphrase) : null;
  // The server gets the public key and the hash of the private key, never the private key.
  /** @type {Record<string, string>} */
  const form = pair ? { publickey: pair.publicKey, privatekeyhash: pair.privateKeyHash } : { passphrase };
  const shown = await json(await service("POST", "", { form: { ...form, ...terms }, key }));
  if (key) remember(key);
  return {
    token: shown.KeyToken, hash: shown.PrivateKeyHash, privateKey: pair?.privateKey ?? shown.PrivateKey, here,
    fingerprint: hasWebCrypto() ? await fingerprint(shown.PublicKey) : null,
  };
}

/** @param {string} key */
function remember(key) {
  try {
    setKey(key);
  } catch {
    // Storage is switched off, so the page asks for the key again.
  }
}

/**
 * @param {HTMLElement} node
 * @param {MadeBox} made
 */
function showMade(node, made) {
  const link = boxLink(made.token);
  const title = h("h2", { class: "first", tabindex: -1, id: "create-title" }, t("box.made"));
  const saved = h("span", { class: "badge ok", hidden: true }, t("box.key_saved"));
  let isSaved = false;
  let isLinkKept = false;
  // Without its key no message can be opened, and without its link the box cannot be found.
  const unguard = guardLeaving(() => !isLinkKept || (made.here && !isSaved));
  const onCopied = () => { isLinkKept = true; };
  const save = h("button", {
    type: "button", class: made.here ? "button primary" : "button", onclick: () => {
      saveBytes(made.privateKey, { name: `box-${made.token.slice(0, 8)}.pem` });
      isSaved = true;
      saved.hidden = false;
      announce(t("box.key_saved"));
    },
  }, t("box.key_save"));
  const copyKey = copyButton(() => made.privateKey, t("box.key_copy"), { class: "button quiet" }, {
    onCopied: () => { isSaved = true; },
  });
  const another = async () => {
    if (made.here && !isSaved) {
      const leave = await confirmDialog({
        title: t("box.leave"), text: t("box.leave_text"), yes: t("box.leave_yes"),
      });
      if (!leave) return;
    } else if (!await mayLeaveLink()) {
      return;
    }
    unguard();
    showForm(node);
    node.querySelector("h2")?.focus();
  };
  replace(node,
    title,
    h("h3", {}, t("box.keep")),
    made.here ? notice("warn", h("p", {}, t("box.keep_here"))) : h("p", {}, t("box.keep_server")),
    h("div", { class: "actions tight" }, save, copyKey, saved),
    h("h3", {}, t("box.hand_out")),
    h("p", {}, t("box.hand_out_text")),
    linkLine(link, { label: t("box.link"), onCopied }),
    h("h3", {}, t("box.token")),
    copyLine(made.token, t("box.token"), { onCopied }),
    made.fingerprint && fingerprintDetails(made.fingerprint),
    h("details", {}, h("summary", {}, t("box.scripts")),
      h("p", { class: "hint" }, t("box.scripts_hint")),
      h("h4", {}, t("box.hash")), copyLine(made.hash, t("box.hash")),
      h("h4", {}, t("box.service_url")), copyLine(`${root}Service`, t("box.service_url"))),
    h("div", { class: "actions" },
      // The page at this address shows the link.
      h("a", { class: "button", href: `box/${made.token}`, onclick: onCopied }, t("box.open_it")),
      h("button", { type: "button", class: "button quiet", onclick: another }, t("box.create_another"))));
  title.focus();
}
