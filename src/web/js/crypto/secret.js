// @ts-check
// The ciphertext of a secret: the format of SJCL 1.0.8, AES-256-GCM with PBKDF2 of a password, as base64 of
// its JSON; and the packed form of a text with attachments before encryption (docs/secrets-api.md).

import { fromBase64, fromUtf8, toBase64, utf8 } from "./bytes.js";
import { aesGcm, BadTag, pbkdf2 } from "./engine.js";
import { randomBytes, randomText } from "./random.js";

/** The rounds of the Secrets API: enough for a password of two random halves. */
const ROUNDS = 10_000;
/** More rounds would only slow down the viewer. The server has the same limit. */
const MAX_ROUNDS = 2_000_000;
const HALF_LENGTH = 18;

/**
 * A secret cannot be decrypted. `reason`: "damaged" (not a valid message), "key" (wrong password, or changed data).
 */
export class CannotOpen extends Error {
  /**
   * @param {"damaged" | "key"} reason
   * @param {string} message
   */
  constructor(reason, message) {
    super(message);
    this.name = "CannotOpen";
    this.reason = reason;
  }
}

/**
 * Two halves of a new password, 107 bits each. The password is the private half followed by the public one.
 */
export function newHalves() {
  return { privateHalf: randomText(HALF_LENGTH), publicHalf: randomText(HALF_LENGTH) };
}

/**
 * Encrypts a text. Returns the `ciphertext` of the API.
 *
 * @param {string} password
 * @param {string} text
 */
export async function seal(password, text) {
  const [iv, salt] = [randomBytes(16), randomBytes(8)];
  const key = await aesGcm(await pbkdf2(utf8(password), salt, ROUNDS));
  const ct = await key.seal(iv, utf8(text));
  // The order of SJCL, and no escapes: SJCL reads this with a regular expression, not as JSON.
  const message = {
    iv: toBase64(iv),
    v: 1,
    iter: ROUNDS,
    ks: 256,
    ts: 128,
    mode: "gcm",
    adata: "",
    cipher: "aes",
    salt: toBase64(salt),
    ct: toBase64(ct),
  };
  return toBase64(utf8(JSON.stringify(message)));
}

/**
 * Decrypts a `ciphertext` of the API. Throws CannotOpen.
 *
 * @param {string} password
 * @param {string} ciphertext
 */
export async function open(password, ciphertext) {
  const message = readMessage(ciphertext);
  const key = await aesGcm(await pbkdf2(utf8(password), message.salt, message.rounds));
  let plaintext;
  try {
    plaintext = await key.open(message.iv, message.ct, message);
  } catch (error) {
    throw error instanceof BadTag ? new CannotOpen("key", error.message) : error;
  }
  try {
    return fromUtf8(plaintext);
  } catch {
    throw damaged("the plaintext is not a text");
  }
}

/** @param {string} what */
function damaged(what) {
  return new CannotOpen("damaged", `This is no secret that can be opened: ${what}.`);
}

/**
 * Reads the JSON. Missing fields have SJCL's defaults.
 *
 * @param {string} ciphertext
 */
function readMessage(ciphertext) {
  let fields;
  try {
    fields = JSON.parse(fromUtf8(fromBase64(ciphertext)));
  } catch {
    throw damaged("it is not JSON in base64");
  }
  if (typeof fields !== "object" || fields === null) throw damaged("it is not a JSON object");
  const { v = 1, iter = ROUNDS, ts = 64, cipher = "aes", ks, mode } = fields;
  // The API does not allow the defaults of the last two, 128 and ccm.
  if (v !== 1 || cipher !== "aes" || ks !== 256 || mode !== "gcm") throw damaged("its version, cipher, key size or mode is wrong");
  if (![64, 96, 128].includes(ts)) throw damaged("ts is not 64, 96 or 128");
  if (!Number.isInteger(iter) || iter < 1 || iter > MAX_ROUNDS) throw damaged("iter is out of bounds");
  /**
   * @param {string} name
   * @param {string} [missing]
   */
  const bytes = (name, missing) => {
    const value = fields[name] ?? missing;
    try {
      return fromBase64(value);
    } catch {
      throw damaged(`${name} is not base64`);
    }
  };
  const [iv, salt, associatedData, ct] = [bytes("iv"), bytes("salt"), bytes("adata", ""), bytes("ct")];
  // SJCL accepts one to four words.
  if (iv.length < 5 || iv.length > 16) throw damaged("the length of iv is wrong");
  if (ct.length < ts / 8) throw damaged("ct is too short");
  return { iv, salt, associatedData, ct, tagBits: ts, rounds: iter };
}

/**
 * The plaintext of a text with attachments. Each attachment is `{name, type?, size}` with `data` (bytes in
 * the secret itself) or with `n` and `key` (a separate file, encrypted by FileSealer with that key).
 *
 * `reply` is the fingerprint of the key for a reply: what the server names must have it.
 *
 * @param {{ text: string, attachments?: Partial<Attachment>[], reply?: string }} content
 */
export function pack({ text, attachments = [], reply }) {
  // A text that looks like the packed form is packed too, so that it is not mistaken for it.
  if (attachments.length === 0 && !text.startsWith("{") && !reply) return text;
  const packed = attachments.map(({ name, type, size, data, n, key }) => ({
    name,
    type: type || undefined,
    size: size ?? data?.length,
    ...(data ? { data: toBase64(data) } : { n, key: key && toBase64(key) }),
  }));
  return JSON.stringify({ sealdrop: 1, text, attachments: packed, reply });
}

/**
 * Reverses `pack`. Any other plaintext is returned whole as the text, so nothing is lost. Names are made safe
 * to show and to save.
 *
 * @param {string} plaintext
 */
export function unpack(plaintext) {
  const asText = { text: plaintext, attachments: [], reply: "" };
  if (!plaintext.startsWith("{")) return asText;
  try {
    const { sealdrop, text, attachments, reply } = JSON.parse(plaintext);
    if (sealdrop !== 1 || typeof text !== "string" || !Array.isArray(attachments)) return asText;
    return { text, attachments: attachments.map(unpackAttachment), reply: typeof reply === "string" ? reply : "" };
  } catch {
    return asText;
  }
}

/** @param {Record<string, any>} attachment */
function unpackAttachment({ name, type, size, data, n, key }) {
  if (typeof name !== "string") throw new TypeError("no name");
  const about = { name: safeName(name), type: mediaType(type) };
  if (typeof data === "string") {
    const bytes = fromBase64(data);
    return { ...about, size: bytes.length, data: bytes };
  }
  const secret = fromBase64(key);
  if (!Number.isSafeInteger(size) || size < 0) throw new TypeError("no size");
  const elsewhere = Number.isSafeInteger(n) && n >= 1 && secret.length === 32;
  if (!elsewhere) throw new TypeError("no data and no key");
  return { ...about, size, n, key: secret };
}

// Control characters, lone surrogates, line ends, direction marks, and characters that Windows rejects.
const UNSAFE =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff<>:"|?*]/gu;

/**
 * A file name without folders, and without characters that hide its type or that systems reject.
 *
 * @param {string} name
 */
export function safeName(name) {
  const last = name.replaceAll("\\", "/").split("/").at(-1) ?? "";
  const clean = last.replace(UNSAFE, "_");
  const [stem, extension] = splitName(clean.replace(/^[\s.]+|[\s.]+$/g, ""));
  return stem === "" && extension === "" ? "file" : shorten(stem, 180 - utf8(extension).length) + extension;
}

/** @param {string} name */
function splitName(name) {
  const dot = name.lastIndexOf(".");
  return dot > 0 && name.length - dot <= 20 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
}

/**
 * Cuts a text to this many bytes of UTF-8, between characters.
 *
 * @param {string} text
 * @param {number} bytes
 */
function shorten(text, bytes) {
  let [length, kept] = [0, ""];
  for (const char of text) {
    length += utf8(char).length;
    if (length > bytes) break;
    kept += char;
  }
  return kept;
}

/**
 * A media type that is safe for a Blob; "" if there is none.
 *
 * @param {unknown} type
 */
function mediaType(type) {
  return typeof type === "string" && /^[\w!#$&^.+-]{1,60}\/[\w!#$&^.+-]{1,100}$/.test(type) ? type : "";
}
