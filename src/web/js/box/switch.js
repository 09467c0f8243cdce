// @ts-check
// The switch "encrypt in this browser": on if the browser can, with an explanation.
import { h } from "../common/dom.js";
import { joined, write } from "../common/live.js";
import { t } from "../common/page.js";
import { hasWebCrypto } from "../crypto/engine.js";

let switches = 0;

/** Whether this browser can seal and open messages: this needs WebCrypto and gzip streams. */
export function canSeal() {
  const streams = [globalThis.CompressionStream, globalThis.DecompressionStream];
  return hasWebCrypto() && streams.every((stream) => typeof stream === "function");
}

/**
 * `{node, checked, disable(text)}`. `here` and `there` are the keys of the texts for encryption here and on
 * the server. `onChange` is called at each change.
 *
 * @param {string} here
 * @param {string} there
 * @param {() => void} onChange
 */
export function encryptSwitch(here, there, onChange = () => {}) {
  const can = canSeal();
  const cannot = hasWebCrypto() ? "box.encrypt_old" : "box.encrypt_insecure";
  const id = `encrypt-${++switches}`;
  const explained = h("p", { class: "hint", id: `${id}-hint` });
  const control = h("input", {
    type: "checkbox", role: "switch", id, checked: can, disabled: !can, "aria-describedby": explained.id,
  });
  const explain = () => {
    const texts = [!can && cannot, control.checked ? here : there];
    write(explained, joined(texts.map((key) => key && t(key))));
  };
  control.addEventListener("change", () => {
    explain();
    onChange();
  });
  explain();
  return {
    node: h("div", { class: "field" },
      h("label", { class: "check", for: id }, control, h("span", {}, t("box.encrypt"))), explained),
    get checked() { return control.checked; },
    /** @param {TextLike} text */
    disable: (text) => {
      control.checked = false;
      control.disabled = true;
      write(explained, text);
    },
  };
}
