// @ts-check
// Passwords as people type them. The server compares them as one text however they were typed; here it is
// only about saying in time that there is none, and about handing the same text to who gets it.

/**
 * What belongs to no password at either end: blanks, line ends, marks that nobody sees. As
 * crypto/typed_password.rs.
 */
const BLANKS = "[\\s\\u0085\\u00ad\\u061c\\u180e\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u2064\\u2066-\\u2069"
  + "\\ufeff]+";
const ENDS = new RegExp(`^${BLANKS}|${BLANKS}$`, "gu");

/**
 * The text that stands for a password that somebody has typed; "" where there is none.
 *
 * @param {string} text
 */
export function typedPassword(text) {
  return text.normalize("NFC").replace(ENDS, "");
}
