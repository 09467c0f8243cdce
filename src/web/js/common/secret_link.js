// @ts-check
// The link of a secret. link.js shows it.
import { root } from "./page.js";
import { toBase64, utf8 } from "../crypto/bytes.js";

/**
 * The link of a secret. Browsers never send its fragment to a server.
 *
 * @param {string} id
 * @param {string} publicHalf
 */
export function secretLink(id, publicHalf) {
  return `${root}${id}/#${keyText(publicHalf)}`;
}

/**
 * The public half, encoded for links.
 *
 * @param {string} publicHalf
 */
export function keyText(publicHalf) {
  return toBase64(utf8(publicHalf));
}
