// @ts-check
// Typed passwords. The server compares passwords in a normal form; this page uses it to detect empty
// passwords, and to give the recipient the same text.

/**
 * Blanks, line ends and invisible marks at the ends do not belong to a password. As in
 * src/crypto/typed_password.rs.
 */
const BLANKS = "[\\s\\u0085\\u00ad\\u061c\\u180e\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u2064\\u2066-\\u2069"
  + "\\ufeff]+";
const ENDS = new RegExp(`^${BLANKS}|${BLANKS}$`, "gu");

/**
 * The normal form of a typed password; "" if there is none.
 *
 * @param {string} text
 */
export function typedPassword(text) {
  return text.normalize("NFC").replace(ENDS, "");
}
