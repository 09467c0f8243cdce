// @ts-check
// The fingerprint of a public key: half of the SHA-256 of its DER, in groups that are easy to read aloud.
import { h } from "../common/dom.js";
import { t } from "../common/page.js";
import { toHex } from "../crypto/bytes.js";
import { fromPem } from "../crypto/der.js";

/** With 128 bits, a second key with the same fingerprint cannot be found. */
const BYTES = 16;

/**
 * The fingerprint of a public key in PEM, as text.
 *
 * @param {string} pem
 */
export async function fingerprint(pem) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", fromPem("PUBLIC KEY", pem)));
  return toHex(digest.subarray(0, BYTES)).replace(/(.{4})(?!$)/g, "$1 ");
}

/**
 * A <details> element with the fingerprint.
 *
 * @param {string} text
 */
export function fingerprintDetails(text) {
  return h("details", {},
    h("summary", {}, t("box.fingerprint")),
    h("p", { class: "mono fingerprint", translate: "no" }, text),
    h("p", { class: "hint" }, t("box.fingerprint_hint")));
}
