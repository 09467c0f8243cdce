// @ts-check
// Passwords: generates them from random words or characters, and estimates how hard one is to guess.

import { randomBelow, randomText } from "../crypto/random.js";

// Without characters that look alike: 0 and O, 1, l and I.
const READABLE = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

/** `count` random words with hyphens between them, 10.3 bits each. Loads the list on the first call. */
export async function randomWords(count = 5) {
  const { default: words } = await import("../vendor/words.js");
  return Array.from({ length: count }, () => words[randomBelow(words.length)]).join("-");
}

/** Random letters and digits that do not look alike, 5.8 bits each. */
export function randomCharacters(count = 16) {
  return randomText(count, READABLE);
}

/** The most common passwords. A password that begins or ends with one is hardly better. */
const COMMON = `
password passw0rd passord losenord lösenord qwerty qwertz azerty letmein welcome välkommen
valkommen admin administrator root guest test login master secret hemlig hemlis changeme
default dragon monkey football fotboll baseball hockey superman batman pokemon starwars
iloveyou jagälskardig princess sunshine shadow michael jordan charlie killer hunter summer
sommar winter vinter autumn spring hejsan hejhej hello freedom whatever trustno1 computer dator
internet google samsung apple access flower cheese pepper ginger cookie mustang harley ranger
thomas robert daniel andrew jessica ashley amanda soccer liverpool arsenal chelsea buster
maggie qazwsx zaq12wsx 1q2w3e4r asdfgh sverige stockholm goteborg göteborg january february
march april august september october november december monday friday sealdrop
`.trim().split(/\s+/).sort((a, b) => b.length - a.length);

/** Rows of keys, in either direction. */
const ROWS = [
  "abcdefghijklmnopqrstuvwxyzåäö", "01234567890", "qwertyuiopå", "asdfghjklöä", "zxcvbnm", "qazwsxedc",
];

/** Text after this many characters is ignored: it makes no difference, and would slow down each keystroke. */
const LONG = 200;

/** The bits up to which a password has level 0, 1, 2, 3. */
const LEVELS = [25, 40, 50, 75];

/**
 * How hard a password is to guess for an attacker who knows how people choose them: `bits`, and a `level`
 * from 0 (guessed at once) to 4 (never). The estimate is rather low; a list of all words would be larger than
 * the page.
 *
 * @param {string} password
 */
export function strength(password) {
  const bits = Math.round(estimate(Array.from(password.normalize("NFC")).slice(0, LONG)));
  const level = LEVELS.findIndex((end) => bits < end);
  return { bits, level: level < 0 ? LEVELS.length : level };
}

/**
 * Removes known pieces from the start, each with its own bits, and counts other characters one by one.
 *
 * @param {string[]} chars
 * @returns {number}
 */
function estimate(chars) {
  const block = repeatedBlock(chars);
  if (block) return estimate(chars.slice(0, block)) + Math.log2(chars.length / block);
  const pool = poolOf(chars);
  const seen = new Set();
  let bits = 0;
  for (let at = 0; at < chars.length; ) {
    const piece = pieceAt(chars, at);
    if (piece) {
      const text = chars.slice(at, at + piece.length).join("");
      // A repeated piece adds almost nothing.
      bits += seen.has(text) ? 1 : piece.bits;
      seen.add(text);
      at += piece.length;
    } else {
      bits += seen.has(chars[at]) && !/[\p{L}\p{N}]/u.test(chars[at]) ? 1 : Math.log2(pool);
      seen.add(chars[at]);
      at += 1;
    }
  }
  return bits;
}

/**
 * The length of the block that is repeated; 0 if there is none.
 *
 * @param {string[]} chars
 */
function repeatedBlock(chars) {
  for (let length = 1; length <= chars.length / 2; length += 1) {
    const repeats = chars.length % length === 0 && chars.every((char, at) => char === chars[at % length]);
    if (repeats) return length;
  }
  return 0;
}

/**
 * How many characters the used kinds have.
 *
 * @param {string[]} chars
 */
function poolOf(chars) {
  const text = chars.join("");
  /** @type {[RegExp, number][]} */
  const kinds = [[/[a-z]/, 26], [/[A-Z]/, 26], [/[0-9]/, 10], [/[ -/:-@[-\x60{-~]/, 33], [/[^ -~]/, 60]];
  return kinds.reduce((pool, [kind, size]) => pool + (kind.test(text) ? size : 0), 0);
}

/**
 * @param {string[]} chars
 * @param {number} at
 */
function pieceAt(chars, at) {
  const rest = chars.slice(at).join("");
  return common(rest) ?? date(rest) ?? run(chars, at) ?? word(rest, chars[at - 1] ?? "");
}

/** @param {string} rest */
function common(rest) {
  const plain = rest.toLowerCase();
  const spelled = unspell(plain);
  const found = COMMON.find((word) => plain.startsWith(word) || spelled.startsWith(word));
  if (!found) return undefined;
  const twisted = !rest.startsWith(found);
  return { length: found.length, bits: 7 + (twisted ? 2 : 0) };
}

const [YEAR, MONTH, DAY] = ["(?:19|20)\\d\\d", "(?:1[0-2]|0?[1-9])", "(?:3[01]|[12]\\d|0?[1-9])"];
const DATES = [
  new RegExp(`^(?:${YEAR}|\\d\\d)[-./]?${MONTH}[-./]?${DAY}(?!\\d)`),
  new RegExp(`^${DAY}[-./]?${MONTH}[-./]?${YEAR}(?!\\d)`),
];

/** @param {string} rest */
function date(rest) {
  const day = DATES.map((date) => date.exec(rest)).find((found) => found && found[0].length >= 6);
  if (day) return { length: day[0].length, bits: 15 };
  const year = /^(?:19|20)\d\d(?!\d)/.exec(rest);
  return year ? { length: 4, bits: 7 } : undefined;
}

/**
 * A repeated character, or a sequence on the keyboard or in the alphabet.
 *
 * @param {string[]} chars
 * @param {number} at
 */
function run(chars, at) {
  const lower = chars.map((char) => char.toLowerCase());
  let same = 1;
  while (lower[at + same] === lower[at]) same += 1;
  if (same >= 3) return { length: same, bits: 5 + Math.log2(same) };
  let longest = 0;
  for (const row of ROWS.flatMap((row) => [row, Array.from(row).reverse().join("")])) {
    const start = row.indexOf(lower[at]);
    let length = start < 0 ? 0 : 1;
    const goesOn = () => length < row.length - start && row[start + length] === lower[at + length];
    while (length > 0 && goesOn()) length += 1;
    longest = Math.max(longest, length);
  }
  return longest >= 3 ? { length: longest, bits: 5 + Math.log2(longest) } : undefined;
}

/**
 * Letters that could be a word: fewer bits than random letters.
 *
 * @param {string} rest
 * @param {string} before
 */
function word(rest, before) {
  if (/\p{L}/u.test(before)) return undefined;
  const [written = ""] = /^(?:\p{Lu}?[\p{Ll}\d@$!]{2,}|\p{Lu}{3,})(?!\p{L})/u.exec(rest) ?? [];
  const ends = written.search(/[\d@$!]*$/);
  // Signs instead of letters are common; those at the end are counted separately.
  const letters = unspell(written.slice(0, ends));
  const swapped = [...letters].filter((letter, at) => letter !== written[at]).length;
  if (letters.length < 3 || swapped > Math.min(3, letters.length / 3)) return undefined;
  if (/[^\p{L}]/u.test(letters)) return undefined;
  const vowels = letters.match(/[aeiouyåäöéèüáíóú]/giu)?.length ?? 0;
  const share = vowels / letters.length;
  const speakable = share >= 0.16 && share <= 0.85 && !/[bcdfghjklmnpqrstvwxz]{5}/i.test(letters);
  const bits = Math.min(4.7 * letters.length, 3 + 1.5 * letters.length) + 1.5 * swapped;
  return speakable ? { length: letters.length, bits } : undefined;
}

/** @type {Record<string, string>} */
const SIGNS = { "@": "a", 4: "a", 3: "e", 1: "i", "!": "i", 0: "o", $: "s", 5: "s" };

/** @param {string} text */
function unspell(text) {
  return text.replace(/[@431!0$5]/g, (sign) => SIGNS[sign]);
}
