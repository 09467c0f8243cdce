// @ts-check
// Finding the id of a secret and the public half of its password in a link, also where a mail program or a
// hasty selection has damaged it. What is found here is checked by nobody but the ciphertext. The command
// line does the same (src/client/link); tests/vectors/links.json is read by the tests of both.

import { fromBase64, fromUtf8, toBase64, utf8 } from "../crypto/bytes.js";

const ID = /(?<![0-9A-Za-z_=#-])([0-9A-Za-z]{31})(?![0-9A-Za-z_-])/;
/** The same where it is surely that of a link. */
const ID_OF_LINK = new RegExp(`(?<=[/?&])${ID.source}`);
/** What may stand between an id and the # of its key: no other # ("… is ticket #4711") counts. */
const SHARP = /^[^\s#]*\s*#/;
/** What is between the words of a text that was broken into lines, quoted or marked up. */
const JUNK = /=(?=\r?\n)|[\s"'<>|\\.,;“”„‘’«»]+/gu;
/** More words in the same line. */
const PROSE = /^[^\S\r\n]+[0-9A-Za-z]/;
/** Markup that may stand within a word. */
const INLINE = /<\/?(?:wbr|b|i|em|strong|span|font|mark|u)(?:\s[^<>]*)?\/?>/gi;
/** Characters that nobody sees. */
const UNSEEN = /[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/g;
/** Fewer characters than that are no key: where there is a space among them, it was cut into lines. */
const SHORT = 18;
/** The keys that are made here: letters and digits, of this length, and that of their base64. */
const [OWN_HALF, OWN_KEY] = [18, 24];
const LETTERS = /^[0-9A-Za-z]*$/;
/** How often a program may have escaped a link that it passed on. */
const ESCAPED = 3;

/** @type {Record<string, string>} */
const ENTITIES = {
  "#35": "#", "#x23": "#", num: "#", amp: "&", "#38": "&", lt: "<", "#60": "<", gt: ">", "#62": ">",
  quot: "\"", "#34": "\"", apos: "'", "#39": "'", nbsp: " ", "#160": " ",
};

/**
 * `{ id, publicHalf }` of the address of a page (a Location, or a URL): `/<id>/#<key>` or `/?<id>#<key>`.
 * Either is null where it is missing, or too damaged.
 *
 * @param {{ pathname: string, search: string, hash: string }} options
 */
export function partsOfAddress({ pathname, search, hash }) {
  return partsOfText(pathname + search + hash);
}

/**
 * The same of what somebody has pasted: a whole link, perhaps with text around it, or the key alone.
 *
 * @param {string} text
 */
export function partsOfText(text) {
  const clean = readable(text);
  const found = wholeId(clean) ?? brokenId(clean);
  // A link without its id is a key alone.
  if (!found) return { id: null, publicHalf: publicHalfOf(clean.replace(/^.*?#/s, "")) };
  const { id, behind } = found;
  const sharp = SHARP.exec(behind);
  // Where the # is lost only a key of our own can be told from other words.
  return { id, publicHalf: sharp ? publicHalfOf(behind.slice(sharp[0].length)) : ownKeyIn(behind) };
}

/**
 * The page of ours that an address names however it is damaged: `{ page: "box" | "status" | null,
 * id, behind }`.
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
 * What stands behind the `#` of a link for this half.
 *
 * @param {string} publicHalf
 */
export function fragmentOf(publicHalf) {
  return toBase64(utf8(publicHalf));
}

/**
 * Whether a half is part of one that was made here, as far as that can be told: these have a known length,
 * those of other programs may be of any.
 *
 * @param {string} publicHalf
 */
export function isCut(publicHalf) {
  return publicHalf.length < OWN_HALF && LETTERS.test(publicHalf);
}

/**
 * The half that a fragment holds, or null.
 *
 * @param {string} fragment
 */
export function publicHalfOf(fragment) {
  const plain = readable(fragment).replace(/=3D/g, "=").replace(/^[^0-9A-Za-z]+/, "");
  const [run] = /^[0-9A-Za-z+/_-]*/.exec(plain) ?? [""];
  // One with padding, or longer than ours, is of another program.
  const isPadded = run.length % 4 > 1 && /^=+(?!=|\r?\n)/.test(plain.slice(run.length));
  const isForeign = (isPadded || run.length > OWN_KEY) && isCanonical(run);
  return (isForeign ? null : ownKeyIn(plain)) ?? anyKeyIn(plain);
}

/**
 * `{ id, behind }`: an id, and what stands behind it.
 *
 * @param {string} text
 */
function wholeId(text) {
  const found = ID_OF_LINK.exec(text) ?? ID.exec(text);
  return found && { id: found[1], behind: text.slice(found.index + found[0].length) };
}

/**
 * The same of an id that is broken by blanks and the like.
 *
 * @param {string} text
 */
function brokenId(text) {
  const sharp = text.indexOf("#");
  // Any words could be glued together to an id; with a key behind them they are meant to be one.
  if (sharp < 0) return null;
  // Words in front of an address are not a part of it.
  const start = Math.max(0, text.slice(0, sharp).search(/https?:\/\/(?!.*https?:\/\/)/s));
  const bare = text.slice(start, sharp).replace(JUNK, "");
  const found = ID.exec(bare);
  return found && { id: found[1], behind: bare.slice(found.index + found[0].length) + text.slice(sharp) };
}

/**
 * A half that was made here, whatever stands around it and between its pieces, or null. That other words
 * have its length and stand for nothing but letters and digits does not happen.
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
    // Behind a key that is written without a space stands what is no base64.
    if (joined.length > OWN_KEY && (last > first + 1 || isCanonical(joined))) continue;
    const { 0: word, index } = words[last - 1];
    // "… a key" is no end of a key that is cut.
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
 * Whether a program has written this base64: without bits that stand for nothing, and for a text.
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
 * The half of any program's key.
 *
 * @param {string} plain
 */
function anyKeyIn(plain) {
  const { first, word } = firstWord(plain);
  const half = halfIn(word);
  if (word === first || (half && LETTERS.test(half))) return half;
  // Prose behind a key that is cut would make the key of another program of it, which spends a view.
  const alone = halfIn(first.replace(/[^0-9A-Za-z].*$/s, ""));
  return alone && isCut(alone) ? alone : half;
}

/** @param {string} word */
function halfIn(word) {
  // Mails break lines behind a "=" (RFC 2045, 6.7).
  const bare = word.replace(/=(?=[0-9A-Za-z])/g, "").split(/[&?#]/)[0];
  const encoded = /^[0-9A-Za-z+/_-]+/.exec(bare)?.[0];
  if (!encoded) return null;
  // A single character at the end stands for nothing: markup that came along, as in _link_ or link/.
  const whole = encoded.length % 4 === 1 ? encoded.slice(0, -1) : encoded;
  return decoded(whole) ?? decoded(whole.replace(/[_/+-]+$/, ""));
}

/**
 * `{ first, word }`: the text up to its first space; and the same, unless that is too short for a key: then up
 * to a later space.
 *
 * @param {string} text
 */
function firstWord(text) {
  const [first = "", ...others] = text.trim().split(/\s+/);
  const word = others.reduce((key, other) => (key.length < SHORT ? key + other : key), first);
  return { first, word };
}

/**
 * A text without percent signs and entities, also where several programs have escaped, and without what
 * nobody sees; with the # that stands for others.
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
 * The text of some percent signs; what is no UTF-8 stays.
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
    // A password is something that can be written down.
    return half !== "" && !/\p{Cc}/u.test(half) ? half : null;
  } catch {
    return null;
  }
}
