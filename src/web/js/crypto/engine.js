// @ts-check
// AES-GCM and PBKDF2-HMAC-SHA-256 with WebCrypto, or with the vendored SJCL on pages over plain http, which
// have no WebCrypto. SJCL is slow, so it pauses to keep the page responsive.

import { concat } from "./bytes.js";

/** The tag does not match: the key, the IV or the data is wrong. */
export class BadTag extends Error {
  constructor() {
    super("The key is wrong, or the data was changed.");
    this.name = "BadTag";
  }
}

/** Whether WebCrypto is available: on pages over https or from this machine. */
export function hasWebCrypto() {
  return globalThis.crypto?.subtle !== undefined;
}

/** RSA needs WebCrypto, which this page does not have. */
export class NeedsSecureContext extends Error {
  constructor() {
    super("This needs a page over https.");
    this.name = "NeedsSecureContext";
  }
}

/** Throws NeedsSecureContext if there is no WebCrypto. */
export function requireWebCrypto() {
  if (!hasWebCrypto()) throw new NeedsSecureContext();
}

/** @typedef {{ tagBits?: number, associatedData?: Bytes }} GcmOptions */

/**
 * An AES-GCM key of 16, 24 or 32 bytes: `seal(iv, data)` returns ciphertext and tag, `open(iv, sealed)`
 * reverses it or throws BadTag. Both take `{tagBits: 128, associatedData}`. For opening, the IV may have any
 * length.
 *
 * @param {Bytes} key
 */
export async function aesGcm(key) {
  if (!hasWebCrypto()) return sjclGcm(key);
  const native = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]);
  return new NativeGcm(native, key);
}

/** @param {Bytes} key */
async function sjclGcm(key) {
  const sjcl = await loadSjcl();
  return new SjclGcm(sjcl, new sjcl.cipher.aes(sjcl.codec.bytes.toBits(key)));
}

/**
 * Derives `length` bytes, at most 32, from a password. Takes bytes, except for `rounds` and `length`.
 *
 * @param {Bytes} password
 * @param {Bytes} salt
 * @param {number} rounds
 * @param {number} length
 */
export async function pbkdf2(password, salt, rounds, length = 32) {
  if (!hasWebCrypto()) return sjclPbkdf2(await loadSjcl(), password, salt, rounds, length);
  const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
  const parameters = { name: "PBKDF2", hash: "SHA-256", salt, iterations: rounds };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, key, length * 8));
}

/** Some engines, such as node's, reject an IV shorter than this. SJCL opens the few that are. */
const SHORTEST_IV = 12;

class NativeGcm {
  #key;
  #bytes;

  /**
   * @param {CryptoKey} key
   * @param {Bytes} bytes
   */
  constructor(key, bytes) {
    this.#key = key;
    this.#bytes = bytes;
  }

  /**
   * @param {Bytes} iv
   * @param {Bytes} data
   * @param {GcmOptions} options
   */
  async seal(iv, data, options = {}) {
    return new Uint8Array(await crypto.subtle.encrypt(parameters(iv, options), this.#key, data));
  }

  /**
   * @param {Bytes} iv
   * @param {Bytes} sealed
   * @param {GcmOptions} options
   */
  async open(iv, sealed, options = {}) {
    if (iv.length < SHORTEST_IV) return (await sjclGcm(this.#bytes)).open(iv, sealed, options);
    try {
      return new Uint8Array(await crypto.subtle.decrypt(parameters(iv, options), this.#key, sealed));
    } catch (error) {
      throw error.name === "OperationError" ? new BadTag() : error;
    }
  }
}

/**
 * @param {Bytes} iv
 * @param {GcmOptions} options
 */
function parameters(iv, { tagBits = 128, associatedData = new Uint8Array() }) {
  return { name: "AES-GCM", iv, tagLength: tagBits, additionalData: associatedData };
}

/** GCM (NIST SP 800-38D) with SJCL's AES and GHASH. SJCL's own `mode.gcm` cannot pause. */
class SjclGcm {
  #sjcl;
  #aes;
  #hashKey;

  /**
   * @param {Sjcl} sjcl
   * @param {SjclAes} aes
   */
  constructor(sjcl, aes) {
    this.#sjcl = sjcl;
    this.#aes = aes;
    this.#hashKey = aes.encrypt([0, 0, 0, 0]);
  }

  /**
   * @param {Bytes} iv
   * @param {Bytes} data
   * @param {GcmOptions} options
   */
  async seal(iv, data, { tagBits = 128, associatedData = new Uint8Array() } = {}) {
    const words = this.#words(data);
    const first = this.#firstCounter(iv);
    await this.#crypt(first, words);
    const sealed = this.#bytes(words, data.length);
    const tag = await this.#tag(first, associatedData, this.#words(sealed), sealed.length);
    return concat(sealed, tag.subarray(0, tagBits / 8));
  }

  /**
   * @param {Bytes} iv
   * @param {Bytes} sealed
   * @param {GcmOptions} options
   */
  async open(iv, sealed, { tagBits = 128, associatedData = new Uint8Array() } = {}) {
    const length = sealed.length - tagBits / 8;
    if (length < 0) throw new BadTag();
    const words = this.#words(sealed.subarray(0, length));
    const first = this.#firstCounter(iv);
    const tag = await this.#tag(first, associatedData, words, length);
    const found = sealed.subarray(length);
    // Compares all bytes, so that the time does not depend on the content.
    const differs = found.reduce((bits, byte, at) => bits | (byte ^ tag[at]), 0);
    if (differs !== 0) throw new BadTag();
    await this.#crypt(first, words);
    return this.#bytes(words, length);
  }

  /**
   * 32-bit words, padded with zeros to whole blocks.
   *
   * @param {Bytes} bytes
   */
  #words(bytes) {
    const whole = new Uint8Array(Math.ceil(bytes.length / 16) * 16);
    whole.set(bytes);
    const view = new DataView(whole.buffer);
    return Array.from({ length: whole.length / 4 }, (_, at) => view.getInt32(at * 4));
  }

  /**
   * @param {number[]} words
   * @param {number} length
   */
  #bytes(words, length) {
    const view = new DataView(new ArrayBuffer(words.length * 4));
    words.forEach((word, at) => view.setInt32(at * 4, word));
    return new Uint8Array(view.buffer, 0, length);
  }

  /** @param {Bytes} iv */
  #firstCounter(iv) {
    if (iv.length === 12) return [...this.#words(iv).slice(0, 3), 1];
    return this.#hash(this.#hash([0, 0, 0, 0], this.#words(iv)), [0, 0, ...lengthInBits(iv.length)]);
  }

  /**
   * @param {number[]} state
   * @param {number[]} words
   */
  #hash(state, words) {
    return this.#sjcl.mode.gcm._ghash(this.#hashKey, state, words);
  }

  /**
   * Counter mode, in place.
   *
   * @param {number[]} first
   * @param {number[]} words
   */
  async #crypt(first, words) {
    const counter = first.slice();
    const patience = new Patience();
    for (let at = 0; at < words.length; at += 4) {
      counter[3] = (counter[3] + 1) | 0;
      const stream = this.#aes.encrypt(counter);
      for (let word = 0; word < 4; word += 1) words[at + word] ^= stream[word];
      if (at % 1024 === 0) await patience.rest();
    }
  }

  /**
   * @param {number[]} first
   * @param {Bytes} associatedData
   * @param {number[]} words
   * @param {number} length
   */
  async #tag(first, associatedData, words, length) {
    const patience = new Patience();
    let state = this.#hash([0, 0, 0, 0], this.#words(associatedData));
    for (let at = 0; at < words.length; at += 1024) {
      state = this.#hash(state, words.slice(at, at + 1024));
      await patience.rest();
    }
    state = this.#hash(state, [...lengthInBits(associatedData.length), ...lengthInBits(length)]);
    const mask = this.#aes.encrypt(first);
    return this.#bytes(state.map((word, at) => word ^ mask[at]), 16);
  }
}

/**
 * A length in bytes as 64 bits.
 *
 * @param {number} bytes
 */
function lengthInBits(bytes) {
  return [Math.floor(bytes / 2 ** 29), (bytes * 8) | 0];
}

/**
 * HMAC with SJCL's compression function: SJCL's own `hmac` copies so much that it takes twice as long.
 *
 * @param {Sjcl} sjcl
 * @param {Bytes} password
 * @param {Bytes} salt
 * @param {number} rounds
 * @param {number} length
 */
async function sjclPbkdf2(sjcl, password, salt, rounds, length) {
  const { toBits, fromBits } = sjcl.codec.bytes;
  const mac = new sjcl.misc.hmac(toBits(password));
  const [inner, outer] = mac._baseHash.map((hash) => Int32Array.from(hash._h));
  const hash = new sjcl.hash.sha256();
  hash._h = new Int32Array(8);
  const block = new Int32Array(16);
  /**
   * @param {Int32Array} state
   * @param {Int32Array} words
   */
  const digest = (state, words) => {
    block.fill(0);
    block.set(words);
    // The padding of a message of two blocks: the key's block and 8 words.
    block[8] = 0x80000000;
    block[15] = 768;
    hash._h.set(state);
    hash._block(block);
  };
  const patience = new Patience();
  const first = mac.encrypt(toBits(concat(salt, Uint8Array.of(0, 0, 0, 1))));
  const last = Int32Array.from(first);
  const sum = last.slice();
  for (let round = 1; round < rounds; round += 1) {
    digest(inner, last);
    last.set(hash._h);
    digest(outer, last);
    last.set(hash._h);
    for (let word = 0; word < 8; word += 1) sum[word] ^= last[word];
    if (round % 256 === 0) await patience.rest();
  }
  return Uint8Array.from(fromBits(Array.from(sum))).subarray(0, length);
}

/** Lets the page do other work after every 12 ms, which is most of a frame. */
class Patience {
  #until = performance.now() + 12;

  async rest() {
    if (performance.now() < this.#until) return;
    // Browsers slow down timers in background tabs to one per second, but not messages.
    await new Promise((/** @type {(value?: void) => void} */ resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(null);
    });
    this.#until = performance.now() + 12;
  }
}

async function loadSjcl() {
  // A library without types.
  return /** @type {Sjcl} */ (/** @type {unknown} */ ((await import("../vendor/sjcl.js")).default));
}
