// @ts-check
// Random bytes from the browser, also over plain http, and random texts.

/** 62 letters and digits. */
export const LETTERS_AND_DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/**
 * Random bytes.
 *
 * @param {number} length
 */
export function randomBytes(length) {
  const bytes = new Uint8Array(length);
  // The browser fills at most 64 KiB per call.
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
  // Numbers beyond the last whole multiple are discarded: they would make some results more likely.
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
 * A token for a lease, with 190 bits. Create it before viewing, so that a lost answer can be fetched again.
 */
export function leaseToken() {
  return randomText(32);
}
