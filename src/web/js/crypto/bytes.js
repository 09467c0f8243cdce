// @ts-check
// Conversion between bytes and text: UTF-8, base64, hexadecimal.

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
 * Decodes UTF-8; a byte order mark at the start is kept. Throws for invalid UTF-8.
 *
 * @param {Uint8Array} bytes
 */
export function fromUtf8(bytes) {
  return decoder.decode(bytes);
}

/**
 * Base64 with padding (RFC 4648, section 4).
 *
 * @param {Uint8Array} bytes
 */
export function toBase64(bytes) {
  const pieces = [];
  // A function accepts tens of thousands of arguments, not millions.
  for (let at = 0; at < bytes.length; at += 0x2000) {
    pieces.push(String.fromCharCode(...bytes.subarray(at, at + 0x2000)));
  }
  return btoa(pieces.join(""));
}

/**
 * Decodes base64, also the URL-safe form, with or without padding. Throws for anything else.
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
 * Decodes hexadecimal. Throws for anything else.
 *
 * @param {string} text
 */
export function fromHex(text) {
  if (!/^([0-9a-f]{2})*$/i.test(text)) throw new RangeError("This is not hexadecimal.");
  return Uint8Array.from(text.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
}

/**
 * Joins arrays.
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
 * All bytes of a stream. Keeps the error of the stream; Chromium's `Response` would turn it into a TypeError.
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
