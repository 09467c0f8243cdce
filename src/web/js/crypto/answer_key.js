// @ts-check
// The public half of a link, encrypted so that one person can open it: HPKE (RFC 9180) in base mode with
// DHKEM(P-256, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM. src/crypto/answer_key.rs has the same, and
// tests/vectors/answers.json tests both. It needs WebCrypto.

import { concat, fromBase64, fromUtf8, toBase64, utf8 } from "./bytes.js";
import { requireWebCrypto } from "./engine.js";

const CURVE = { name: "ECDH", namedCurve: "P-256" };
const INFO = utf8("sealdrop answer 1");
const POINT_BYTES = 65;
const FINGERPRINT_BYTES = 16;

/** @param {...number} bytes */
const raw = (...bytes) => Uint8Array.of(...bytes);
/** The identifiers of the KEM alone, and of KEM, KDF and AEAD. */
const KEM = concat(utf8("KEM"), raw(0, 0x10));
const SUITE = concat(utf8("HPKE"), raw(0, 0x10, 0, 0x01, 0, 0x02));

/** The answer cannot be opened: the key does not fit, or something was changed. */
export class OtherAnswerKey extends Error {
  constructor() {
    super("The key does not open this answer.");
    this.name = "OtherAnswerKey";
  }
}

/** Creates a key pair: two texts. */
export async function newAnswerKey() {
  requireWebCrypto();
  const pair = await crypto.subtle.generateKey(CURVE, true, ["deriveBits"]);
  const { d } = await crypto.subtle.exportKey("jwk", pair.privateKey);
  return { publicKey: url(await pointOf(pair.publicKey)), privateKey: /** @type {string} */ (d) };
}

/**
 * The part of a link by which the page that uses the key detects that the server has replaced it.
 *
 * @param {string} publicKey
 */
export async function fingerprint(publicKey) {
  const digest = await crypto.subtle.digest("SHA-256", fromBase64(publicKey));
  return url(new Uint8Array(digest).subarray(0, FINGERPRINT_BYTES));
}

/**
 * Encrypts a half. `id` is the id of the request or the secret that is answered. Throws if the key is no key.
 *
 * @param {string} publicKey
 * @param {string} id
 * @param {string} half
 */
export async function sealHalf(publicKey, id, half) {
  requireWebCrypto();
  const own = await crypto.subtle.generateKey(CURVE, false, ["deriveBits"]);
  const point = await pointOf(own.publicKey);
  const { key, nonce } = await schedule(own.privateKey, {
    point, recipient: fromBase64(publicKey), other: fromBase64(publicKey),
  });
  const sealed = await crypto.subtle.encrypt(gcm(nonce, id), key, utf8(half));
  return url(concat(point, new Uint8Array(sealed)));
}

/**
 * Reverses `sealHalf`. Throws OtherAnswerKey.
 *
 * @param {{ publicKey: string, privateKey: string }} pair
 * @param {string} id
 * @param {string} sealed
 */
export async function openHalf({ publicKey, privateKey }, id, sealed) {
  requireWebCrypto();
  try {
    const [recipient, bytes] = [fromBase64(publicKey), fromBase64(sealed)];
    const [x, y] = [recipient.subarray(1, 33), recipient.subarray(33)].map(url);
    const jwk = { kty: "EC", crv: "P-256", x, y, d: privateKey };
    const own = await crypto.subtle.importKey("jwk", jwk, CURVE, false, ["deriveBits"]);
    const point = bytes.slice(0, POINT_BYTES);
    const { key, nonce } = await schedule(own, { point, recipient, other: point });
    return fromUtf8(new Uint8Array(await crypto.subtle.decrypt(gcm(nonce, id), key, bytes.slice(POINT_BYTES))));
  } catch {
    throw new OtherAnswerKey();
  }
}

/**
 * The key and nonce of the one message (RFC 9180, 4.1 and 5.1).
 *
 * @param {CryptoKey} own
 * @param {{ point: Bytes, recipient: Bytes, other: Bytes }} options
 */
async function schedule(own, { point, recipient, other }) {
  const theirs = await crypto.subtle.importKey("raw", other, CURVE, false, []);
  const shared = new Uint8Array(await crypto.subtle.deriveBits({ name: "ECDH", public: theirs }, own, 256));
  const eae = await extract(KEM, NOTHING, "eae_prk", shared);
  const secret = await expand(KEM, eae, "shared_secret", concat(point, recipient), 32);
  const context = concat(raw(0), await extract(SUITE, NOTHING, "psk_id_hash", NOTHING),
    await extract(SUITE, NOTHING, "info_hash", INFO));
  const scheduled = await extract(SUITE, secret, "secret", NOTHING);
  const key = await expand(SUITE, scheduled, "key", context, 32);
  return {
    key: await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]),
    nonce: await expand(SUITE, scheduled, "base_nonce", context, 12),
  };
}

const NOTHING = new Uint8Array();
const VERSION = utf8("HPKE-v1");

/**
 * @param {Bytes} suite
 * @param {Bytes} salt
 * @param {string} label
 * @param {Bytes} input
 */
function extract(suite, salt, label, input) {
  // HMAC pads a key with zeros, and WebCrypto takes no empty key.
  return hmac(salt.length ? salt : new Uint8Array(32), concat(VERSION, suite, utf8(label), input));
}

/**
 * At most 32 bytes: one block of HKDF.
 *
 * @param {Bytes} suite
 * @param {Bytes} secret
 * @param {string} label
 * @param {Bytes} info
 * @param {number} length
 */
async function expand(suite, secret, label, info, length) {
  const block = await hmac(secret, concat(raw(0, length), VERSION, suite, utf8(label), info, raw(1)));
  return block.slice(0, length);
}

/**
 * @param {Bytes} secret
 * @param {Bytes} data
 */
async function hmac(secret, data) {
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, data));
}

/**
 * @param {Bytes} iv
 * @param {string} id
 */
function gcm(iv, id) {
  return { name: "AES-GCM", iv, additionalData: utf8(id) };
}

/** @param {CryptoKey} key */
async function pointOf(key) {
  return new Uint8Array(await crypto.subtle.exportKey("raw", key));
}

/**
 * Base64url without padding.
 *
 * @param {Bytes} bytes
 */
function url(bytes) {
  return toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
