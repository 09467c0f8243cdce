// @ts-check
// Bytes and the texts they are written as: UTF-8, base64, hexadecimal.

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * The UTF-8 of a text.
 *
 * @param {string} text
 */
export function utf8(text) {
  return encoder.encode(text);
}

/**
 * The text of some UTF-8, whole: a byte order mark at its start belongs to it. Throws for what is none.
 *
 * @param {Uint8Array} bytes
 */
export function fromUtf8(bytes) {
  return decoder.decode(bytes);
}

/**
 * Base64 with its padding (RFC 4648, section 4).
 *
 * @param {Uint8Array} bytes
 */
export function toBase64(bytes) {
  const pieces = [];
  // A call takes tens of thousands of arguments, not millions.
  for (let at = 0; at < bytes.length; at += 0x2000) {
    pieces.push(String.fromCharCode(...bytes.subarray(at, at + 0x2000)));
  }
  return btoa(pieces.join(""));
}

/**
 * The bytes of base64, also of the URL-safe kind, with or without padding. Throws for what is none.
 *
 * @param {string} text
 */
export function fromBase64(text) {
  const digits = text.replace(/-/g, "+").replace(/_/g, "/").replace(/=+$/, "");
  let binary;
  try {
    binary = atob(digits);
  } catch {
    throw new RangeError("This is not base64.");
  }
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}

/**
 * Lower-case hexadecimal.
 *
 * @param {Uint8Array} bytes
 */
export function toHex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * The bytes of hexadecimal. Throws for what is none.
 *
 * @param {string} text
 */
export function fromHex(text) {
  if (!/^([0-9a-f]{2})*$/i.test(text)) throw new RangeError("This is not hexadecimal.");
  return Uint8Array.from(text.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
}

/**
 * One array out of many.
 *
 * @param {...Uint8Array} arrays
 */
export function concat(...arrays) {
  const all = new Uint8Array(arrays.reduce((length, array) => length + array.length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}

/**
 * All bytes of a stream. Its error stays what it is; Chromium's `Response` would turn it into a TypeError.
 *
 * @param {ReadableStream<Bytes>} stream
 */
export async function collect(stream) {
  const pieces = [];
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return concat(...pieces);
    pieces.push(value);
  }
}
