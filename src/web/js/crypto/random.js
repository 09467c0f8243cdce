// @ts-check
// Randomness from the browser, also on plain http, and the texts that are made of it.

/** 62 letters and digits. */
export const LETTERS_AND_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/**
 * Random bytes.
 *
 * @param {number} length
 */
export function randomBytes(length) {
  const bytes = new Uint8Array(length);
  // It fills 64 KiB at once and no more.
  for (let at = 0; at < length; at += 65_536) {
    globalThis.crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  }
  return bytes;
}

/**
 * A whole number from 0 to below `limit` (2^32 at most), each equally likely.
 *
 * @param {number} limit
 */
export function randomBelow(limit) {
  // Numbers beyond the last whole multiple are thrown away: folded back they would make some likelier.
  const end = 2 ** 32 - (2 ** 32 % limit);
  const number = new Uint32Array(1);
  do {
    globalThis.crypto.getRandomValues(number);
  } while (number[0] >= end);
  return number[0] % limit;
}

/**
 * A text of `length` characters out of `alphabet`, each equally likely.
 *
 * @param {number} length
 * @param {string} alphabet
 */
export function randomText(length, alphabet = LETTERS_AND_DIGITS) {
  return Array.from({ length }, () => alphabet[randomBelow(alphabet.length)]).join("");
}

/**
 * A token for a lease, 190 bits of it. Make it before viewing, so that an answer that got lost can be
 * fetched.
 */
export function leaseToken() {
  return randomText(32);
}
