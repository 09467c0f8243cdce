// @ts-check
// The key pair of a box, created and opened in the browser: RSA-OAEP with SHA-256. The private key is PKCS#8,
// encrypted with a passphrase by PBES2, in PEM (RFC 8018, 5958), as the server and `openssl pkey` have it
// (docs/key-service.md).

import { toHex, utf8 } from "./bytes.js";
import { BadDer, DerReader, fromPem, integer, nothing, octets, oid, sequence, toPem } from "./der.js";
import { requireWebCrypto } from "./engine.js";
import { randomBytes } from "./random.js";

/** The rounds of PBKDF2 that OWASP recommends for HMAC-SHA-256. */
export const ROUNDS = 600_000;
/** Keys with more rounds are rejected, also by the server. */
const MAX_ROUNDS = 2_000_000;
const LABEL = "ENCRYPTED PRIVATE KEY";

const PBES2 = "1.2.840.113549.1.5.13";
const PBKDF2 = "1.2.840.113549.1.5.12";
/** @type {Record<string, string>} */
const HMAC = {
  "1.2.840.113549.2.7": "SHA-1", // OpenSSL before 1.1
  "1.2.840.113549.2.9": "SHA-256",
  "1.2.840.113549.2.10": "SHA-384",
  "1.2.840.113549.2.11": "SHA-512",
};
/** @type {Record<string, number>} */
const AES_CBC = {
  "2.16.840.1.101.3.4.1.2": 128,
  "2.16.840.1.101.3.4.1.22": 192,
  "2.16.840.1.101.3.4.1.42": 256,
};
const RSA_OAEP = { name: "RSA-OAEP", hash: "SHA-256" };

/** The passphrase does not open the key, or the key was changed; these two look the same. */
export class WrongPassphrase extends Error {
  constructor() {
    super("The passphrase does not open this key.");
    this.name = "WrongPassphrase";
  }
}

/** This is not an encrypted RSA key, or its encryption is unknown here; `isOtherScheme` is true then. */
export class UnreadableKey extends Error {
  constructor(message = "This is not an encrypted RSA private key that can be opened here.") {
    super(message);
    this.name = "UnreadableKey";
    this.isOtherScheme = false;
  }

  /** For a key that the server may be able to open: browsers have no 3DES, no scrypt, and some no AES-192. */
  static otherScheme() {
    const error = new UnreadableKey("This key is encrypted in a way that browsers cannot open.");
    error.isOtherScheme = true;
    return error;
  }
}

/**
 * Creates a key pair: `{publicKey, privateKey, privateKeyHash}`, two PEM texts and the hash that reads the
 * box without its passphrase. Takes from a fraction of a second to many seconds for 4096 bits.
 *
 * @param {string} passphrase
 * @param {{ bits?: number }} options
 */
export async function createBoxKey(passphrase, { bits = 3072 } = {}) {
  requireWebCrypto();
  const kind = { ...RSA_OAEP, modulusLength: bits, publicExponent: Uint8Array.of(1, 0, 1) };
  const pair = await crypto.subtle.generateKey(kind, true, ["encrypt", "decrypt"]);
  const spki = new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey));
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  return {
    publicKey: toPem("PUBLIC KEY", spki),
    privateKey: await encryptKey(pkcs8, passphrase),
    privateKeyHash: await privateKeyHash(pkcs8),
  };
}

/**
 * Opens an encrypted private key: `{key, publicKey, privateKeyHash}`, a CryptoKey that decrypts and cannot be
 * exported, the public key in PEM, and the hash. Throws WrongPassphrase, UnreadableKey.
 *
 * @param {string} pem
 * @param {string} passphrase
 */
export async function openBoxKey(pem, passphrase) {
  requireWebCrypto();
  const pkcs8 = await decryptKey(pem, passphrase);
  let exportable;
  try {
    exportable = await crypto.subtle.importKey("pkcs8", pkcs8, RSA_OAEP, true, ["decrypt"]);
  } catch {
    throw new UnreadableKey();
  }
  const { n, e } = await crypto.subtle.exportKey("jwk", exportable);
  const half = { kty: "RSA", alg: "RSA-OAEP-256", n, e };
  const publicKey = await crypto.subtle.importKey("jwk", half, RSA_OAEP, true, ["encrypt"]);
  return {
    key: await crypto.subtle.importKey("pkcs8", pkcs8, RSA_OAEP, false, ["decrypt"]),
    publicKey: toPem("PUBLIC KEY", new Uint8Array(await crypto.subtle.exportKey("spki", publicKey))),
    privateKeyHash: await privateKeyHash(pkcs8),
  };
}

/**
 * Lower-case hex SHA-256 of PKCS#8 in DER.
 *
 * @param {Bytes} pkcs8
 */
async function privateKeyHash(pkcs8) {
  return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", pkcs8)));
}

/**
 * @param {Bytes} pkcs8
 * @param {string} passphrase
 */
async function encryptKey(pkcs8, passphrase) {
  const [salt, iv] = [randomBytes(16), randomBytes(16)];
  const how = { salt, iv, rounds: ROUNDS, hash: "SHA-256", bits: 256 };
  const key = await cipherKey(passphrase, how, "encrypt");
  const encrypted = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-CBC", iv }, key, pkcs8));
  const function_ = sequence(oid(named(HMAC, "SHA-256")), nothing());
  const derivation = sequence(octets(salt), integer(ROUNDS), function_);
  const scheme = sequence(
    sequence(oid(PBKDF2), derivation),
    sequence(oid(named(AES_CBC, 256)), octets(iv)),
  );
  return toPem(LABEL, sequence(sequence(oid(PBES2), scheme), octets(encrypted)));
}

/**
 * PKCS#8 in DER.
 *
 * @param {string} pem
 * @param {string} passphrase
 */
async function decryptKey(pem, passphrase) {
  const how = readEncryptedKey(pem);
  const key = await cipherKey(passphrase, how, "decrypt");
  let pkcs8;
  try {
    pkcs8 = new Uint8Array(await crypto.subtle.decrypt({ name: "AES-CBC", iv: how.iv }, key, how.encrypted));
  } catch {
    throw new WrongPassphrase();
  }
  // One wrong passphrase in 256 gives valid padding, but not DER.
  try {
    const whole = new DerReader(pkcs8);
    whole.sequence();
    whole.end();
  } catch {
    throw new WrongPassphrase();
  }
  return pkcs8;
}

/** @param {string} pem */
function readEncryptedKey(pem) {
  try {
    const whole = new DerReader(fromPem(LABEL, pem));
    const info = whole.sequence();
    whole.end();
    const algorithm = info.sequence();
    expect(algorithm.oid(), PBES2);
    const scheme = algorithm.sequence();
    const derivation = scheme.sequence();
    expect(derivation.oid(), PBKDF2);
    const parameters = derivation.sequence();
    const [salt, rounds] = [parameters.octets(), parameters.integer()];
    if (rounds < 1 || rounds > MAX_ROUNDS) throw new UnreadableKey("This key needs too much work.");
    const keyBytes = parameters.hasInteger ? parameters.integer() : null;
    let hash = "SHA-1";
    if (parameters.hasSequence) {
      const function_ = parameters.sequence();
      hash = HMAC[function_.oid()];
      function_.null();
      function_.end();
    }
    const cipher = scheme.sequence();
    const bits = AES_CBC[cipher.oid()];
    if (!bits || !hash) throw UnreadableKey.otherScheme();
    const iv = cipher.octets();
    const encrypted = info.octets();
    for (const reader of [algorithm, scheme, derivation, parameters, cipher, info]) reader.end();
    const sound = iv.length === 16 && (keyBytes ?? bits / 8) === bits / 8;
    if (!sound) throw new UnreadableKey();
    return { salt, iv, rounds, hash, bits, encrypted };
  } catch (error) {
    throw error instanceof BadDer ? new UnreadableKey() : error;
  }
}

/**
 * @param {string} passphrase
 * @param {{ salt: Bytes, rounds: number, hash: string, bits: number }} options
 * @param {KeyUsage} usage
 */
async function cipherKey(passphrase, { salt, rounds, hash, bits }, usage) {
  const base = await crypto.subtle.importKey("raw", utf8(passphrase), "PBKDF2", false, ["deriveKey"]);
  const derivation = { name: "PBKDF2", hash, salt, iterations: rounds };
  try {
    return await crypto.subtle.deriveKey(derivation, base, { name: "AES-CBC", length: bits }, false, [usage]);
  } catch {
    // Chromium has no AES-192.
    throw UnreadableKey.otherScheme();
  }
}

/**
 * @param {string} found
 * @param {string} wanted
 */
function expect(found, wanted) {
  if (found !== wanted) throw UnreadableKey.otherScheme();
}

/**
 * The identifier of a value in a table.
 *
 * @template T
 * @param {Record<string, T>} table
 * @param {T} value
 */
function named(table, value) {
  return Object.keys(table).find((identifier) => table[identifier] === value) ?? "";
}
