// @ts-check
// Finds the id of a secret and the public half of its password in a link, also if a mail program or a wrong
// selection has damaged it. Only decryption checks the result. The command line does the same
// (src/client/link); tests/vectors/links.json tests both.

import { fromBase64, fromUtf8, toBase64, utf8 } from "../crypto/bytes.js";

const ID = /(?<![0-9A-Za-z_=#-])([0-9A-Za-z]{31})(?![0-9A-Za-z_-])/;
/** The same, certainly in a link. */
const ID_OF_LINK = new RegExp(`(?<=[/?&])${ID.source}`);
/** What may come between an id and the # of its key: another # ("… is ticket #4711") does not count. */
const SHARP = /^[^\s#]*\s*#/;
/** Characters between the parts of a link that was broken into lines, quoted or marked up. */
const JUNK = /=(?=\r?\n)|[\s"'<>|\\.,;“”„‘’«»]+/gu;
/** More words in the same line. */
const PROSE = /^[^\S\r\n]+[0-9A-Za-z]/;
/** Markup that may be inside a word. */
const INLINE = /<\/?(?:wbr|b|i|em|strong|span|font|mark|u)(?:\s[^<>]*)?\/?>/gi;
/** Invisible characters. */
const UNSEEN = /[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/g;
/** A word that is shorter is not a whole key: a space after it splits the key. */
const SHORT = 18;
/** The length of keys that are made here (letters and digits), and of their base64. */
const [OWN_HALF, OWN_KEY] = [18, 24];
const LETTERS = /^[0-9A-Za-z]*$/;
/** How often programs may have escaped a link. */
const ESCAPED = 3;

/** @type {Record<string, string>} */
const ENTITIES = {
  "#35": "#", "#x23": "#", num: "#", amp: "&", "#38": "&", lt: "<", "#60": "<", gt: ">", "#62": ">",
  quot: "\"", "#34": "\"", apos: "'", "#39": "'", nbsp: " ", "#160": " ",
};

/**
 * `{ id, publicHalf }` from the address of a page (a Location or a URL): `/<id>/#<key>` or `/?<id>#<key>`.
 * Either is null if it is missing or too damaged.
 *
 * @param {{ pathname: string, search: string, hash: string }} options
 */
export function partsOfAddress({ pathname, search, hash }) {
  return partsOfText(pathname + search + hash);
}

/**
 * The same for a pasted text: a whole link, possibly with text around it, or only the key.
 *
 * @param {string} text
 */
export function partsOfText(text) {
  const clean = readable(text);
  const found = wholeId(clean) ?? brokenId(clean);
  // A link without an id is only a key.
  if (!found) return { id: null, publicHalf: publicHalfOf(clean.replace(/^.*?#/s, "")) };
  const { id, behind } = found;
  const sharp = SHARP.exec(behind);
  // Without the #, only a key that was made here can be recognised among other words.
  return { id, publicHalf: sharp ? publicHalfOf(behind.slice(sharp[0].length)) : ownKeyIn(behind) };
}

/**
 * The page that a damaged address names: `{ page: "box" | "status" | null, id, behind }`.
 *
 * @param {{ pathname: string, search: string, hash: string }} options
 */
export function pageOfAddress({ pathname, search, hash }) {
  const text = readable(pathname + search + hash);
  const [, box] = /^[^#]{0,200}?#[\s#/]*([0-9A-Za-z]{31})(?![0-9A-Za-z])/.exec(text) ?? [];
  const found = wholeId(text) ?? brokenId(text);
  if (!found) return box ? { page: "box", id: box, behind: "" } : null;
  const [, page = null] = /\b(box|status)[\s/]+$/.exec(text.slice(0, text.indexOf(found.id))) ?? [];
  return { page, ...found };
}

/**
 * The part after the `#` of a link with this half.
 *
 * @param {string} publicHalf
 */
export function fragmentOf(publicHalf) {
  return toBase64(utf8(publicHalf));
}

/**
 * Whether a half seems to be part of one that was made here: those have a known length, halves of other
 * programs can have any length.
 *
 * @param {string} publicHalf
 */
export function isCut(publicHalf) {
  return publicHalf.length < OWN_HALF && LETTERS.test(publicHalf);
}

/**
 * The half in a fragment, or null.
 *
 * @param {string} fragment
 */
export function publicHalfOf(fragment) {
  const plain = readable(fragment).replace(/=3D/g, "=").replace(/^[^0-9A-Za-z]+/, "");
  const [run] = /^[0-9A-Za-z+/_-]*/.exec(plain) ?? [""];
  // Base64 with padding, or longer than ours, comes from another program.
  const isPadded = run.length % 4 > 1 && /^=+(?!=|\r?\n)/.test(plain.slice(run.length));
  const isForeign = (isPadded || run.length > OWN_KEY) && isCanonical(run);
  return (isForeign ? null : ownKeyIn(plain)) ?? anyKeyIn(plain);
}

/**
 * `{ id, behind }`: an id, and the text after it.
 *
 * @param {string} text
 */
function wholeId(text) {
  const found = ID_OF_LINK.exec(text) ?? ID.exec(text);
  return found && { id: found[1], behind: text.slice(found.index + found[0].length) };
}

/**
 * The same for an id that is broken by blanks and the like.
 *
 * @param {string} text
 */
function brokenId(text) {
  const sharp = text.indexOf("#");
  // Any words could be joined to an id, so this needs a key after them.
  if (sharp < 0) return null;
  // Words before an address are not part of it.
  const start = Math.max(0, text.slice(0, sharp).search(/https?:\/\/(?!.*https?:\/\/)/s));
  const bare = text.slice(start, sharp).replace(JUNK, "");
  const found = ID.exec(bare);
  return found && { id: found[1], behind: bare.slice(found.index + found[0].length) + text.slice(sharp) };
}

/**
 * A half that was made here, whatever is around it or between its parts, or null. Other words do not happen
 * to have its length and to decode to letters and digits only.
 *
 * @param {string} text
 */
function ownKeyIn(text) {
  const words = [...text.split(/[&?#]/)[0].matchAll(/[0-9A-Za-z]+/g)];
  for (let first = 0; first < words.length; first += 1) {
    let joined = "";
    let last = first;
    for (; joined.length < OWN_KEY && last < words.length; last += 1) joined += words[last][0];
    const half = ownHalf(joined.slice(0, OWN_KEY));
    if (!half) continue;
    // After a key without a space, the next character is not base64.
    if (joined.length > OWN_KEY && (last > first + 1 || isCanonical(joined))) continue;
    const { 0: word, index } = words[last - 1];
    // "… a key" is not the end of a key that was cut.
    const isLong = last > first + 1 && words[first][0].length >= SHORT;
    const isProse = isLong && PROSE.test(text.slice(index + word.length));
    if (!isProse) return half;
  }
  return null;
}

/** @param {string} encoded */
function ownHalf(encoded) {
  if (encoded.length !== OWN_KEY) return null;
  const half = decoded(encoded);
  return half && half.length === OWN_HALF && LETTERS.test(half) ? half : null;
}

/**
 * Whether a program wrote this base64: no unused bits are set, and it decodes to text.
 *
 * @param {string} encoded
 */
function isCanonical(encoded) {
  const half = decoded(encoded);
  /** @param {string} text */
  const same = (text) => text.replace(/=+$/, "").replaceAll("-", "+").replaceAll("_", "/");
  return half !== null && same(fragmentOf(half)) === same(encoded);
}

/**
 * The half in the key of any program.
 *
 * @param {string} plain
 */
function anyKeyIn(plain) {
  const { first, word } = firstWord(plain);
  const half = halfIn(word);
  if (word === first || (half && LETTERS.test(half))) return half;
  // Words after a cut key would turn it into a foreign key, which would spend a view.
  const alone = halfIn(first.replace(/[^0-9A-Za-z].*$/s, ""));
  return alone && isCut(alone) ? alone : half;
}

/** @param {string} word */
function halfIn(word) {
  // Mails break lines after a "=" (RFC 2045, 6.7).
  const bare = word.replace(/=(?=[0-9A-Za-z])/g, "").split(/[&?#]/)[0];
  const encoded = /^[0-9A-Za-z+/_-]+/.exec(bare)?.[0];
  if (!encoded) return null;
  // A single character at the end encodes nothing: it is markup, as in _link_ or link/.
  const whole = encoded.length % 4 === 1 ? encoded.slice(0, -1) : encoded;
  return decoded(whole) ?? decoded(whole.replace(/[_/+-]+$/, ""));
}

/**
 * `first` is the text up to its first space. `word` is the same, or longer if `first` is too short for a key.
 *
 * @param {string} text
 */
function firstWord(text) {
  const [first = "", ...others] = text.trim().split(/\s+/);
  const word = others.reduce((key, other) => (key.length < SHORT ? key + other : key), first);
  return { first, word };
}

/**
 * Decodes percent signs and entities, also if several programs have escaped, removes invisible characters,
 * and replaces other forms of #.
 *
 * @param {string} text
 */
function readable(text) {
  let plain = text;
  for (let times = 0; times < ESCAPED; times += 1) {
    const before = plain;
    plain = plain.replace(/(?:%[0-9a-f]{2})+/gi, bytesOf)
      .replace(/&(#\d+|#x[0-9a-f]+|[a-z]+);/gi, (whole, name) => ENTITIES[name.toLowerCase()] ?? whole);
    if (plain === before) break;
  }
  return plain.replace(/[\uff03\ufe5f]/g, "#").replaceAll("\uff0f", "/").replaceAll("\uff1f", "?")
    .replace(INLINE, "").replace(/<br\s*\/?>/gi, "\n").replace(UNSEEN, "").trim();
}

/**
 * Decodes percent signs; invalid UTF-8 stays as it is.
 *
 * @param {string} run
 */
function bytesOf(run) {
  try {
    return decodeURIComponent(run);
  } catch {
    return run.replace(/%([0-7][0-9a-f])/gi, (_, digits) => String.fromCharCode(Number.parseInt(digits, 16)));
  }
}

/** @param {string} encoded */
function decoded(encoded) {
  try {
    const half = fromUtf8(fromBase64(encoded));
    // A password has no control characters.
    return half !== "" && !/\p{Cc}/u.test(half) ? half : null;
  } catch {
    return null;
  }
}
