// @ts-check
// The envelope of a message: gzip, then AES-256-GCM in chunks (stream.js), with a key of its own that
// RSA-OAEP wraps (docs/key-service.md, "The envelope"). Files may have any size: only a slice is in memory.

import { collect, fromBase64, fromUtf8, toBase64 } from "./bytes.js";
import { BadDer, fromPem } from "./der.js";
import { requireWebCrypto } from "./engine.js";
import { randomBytes } from "./random.js";
import { safeName } from "./secret.js";
import { Damaged, FileChanged, openStream, sealStream } from "./stream.js";

/** The longest text to open, in bytes: a few kilobytes can decompress to gigabytes of zeros. */
const MAX_TEXT = 64 << 20;
const MAX_ABOUT = 16 << 10;
/** How much is collected in memory before it becomes a Blob, which the browser may keep on disk. */
const PART = 8 << 20;
/** How much of a file is read at once. */
const SLICE = 256 << 10;

/** The public key of the box cannot be used here. */
export class UnusableKey extends Error {
  constructor() {
    super("The public key of this box cannot be used.");
    this.name = "UnusableKey";
  }
}

/** The content of an envelope is longer than allowed. */
export class TooLong extends Error {
  constructor() {
    super("The message is longer than allowed.");
    this.name = "TooLong";
  }
}

/**
 * Imports the public key of a box from PEM (`/Service/<token>/publickey?format=pem`).
 *
 * @param {string} pem
 */
export async function importPublicKey(pem) {
  requireWebCrypto();
  try {
    const kind = { name: "RSA-OAEP", hash: "SHA-256" };
    return await crypto.subtle.importKey("spki", fromPem("PUBLIC KEY", pem), kind, false, ["encrypt"]);
  } catch (error) {
    throw error instanceof BadDer || error instanceof DOMException ? new UnusableKey() : error;
  }
}

/**
 * Seals a text: `{encryptionkey, encryptedmessage}`, the parameters of a PUT.
 *
 * @param {CryptoKey} publicKey
 * @param {string} text
 */
export async function sealText(publicKey, text) {
  const key = randomBytes(32);
  const encryptedmessage = await sealSmall(key, text);
  return { encryptionkey: await wrapKey(publicKey, key), encryptedmessage };
}

/**
 * Seals a File: `{encryptionkey, name, blob}`. Send `blob` as the part `encryptedfile` with the file name
 * `name`, which holds the sealed name and type. `onProgress(bytes)` gets the number of bytes done.
 *
 * @param {CryptoKey} publicKey
 * @param {File} file
 * @param {{ onProgress?: (bytes: number) => void, signal?: AbortSignal }} options
 */
export async function sealFile(publicKey, file, { onProgress, signal } = {}) {
  const key = randomBytes(32);
  const about = { name: file.name, ...(file.type && { type: file.type }) };
  const name = await sealSmall(key, JSON.stringify(about));
  const blob = await toBlob(seal(key, slices(file, onProgress)), { signal });
  return { encryptionkey: await wrapKey(publicKey, key), name, blob };
}

/**
 * The key of a message, from its `EncryptionKey`. Throws Damaged if it is for another private key.
 *
 * @param {CryptoKey} privateKey
 * @param {string} encryptionKey
 */
export async function unwrapKey(privateKey, encryptionKey) {
  requireWebCrypto();
  let key;
  try {
    key = new Uint8Array(await crypto.subtle.decrypt("RSA-OAEP", privateKey, fromBase64(encryptionKey)));
  } catch {
    throw new Damaged();
  }
  if (key.length !== 32) throw new Damaged();
  return key;
}

/**
 * The text in an `encryptedmessage`. Throws Damaged, TooLong.
 *
 * @param {Bytes} key
 * @param {string} encryptedMessage
 * @param {number} limit
 */
export async function openText(key, encryptedMessage, limit = MAX_TEXT) {
  let sealed;
  try {
    sealed = fromBase64(encryptedMessage);
  } catch {
    throw new Damaged();
  }
  const plaintext = await collect(openEnvelope(key, new Blob([sealed]).stream(), { limit }));
  try {
    return fromUtf8(plaintext);
  } catch {
    throw new Damaged();
  }
}

/**
 * `{name, type, sha256}` of a file, the last two if known; `name` is safe as a file name.
 *
 * @param {Bytes} key
 * @param {string} fileName
 */
export async function openName(key, fileName) {
  try {
    const { name, type, sha256 } = JSON.parse(await openText(key, fileName, MAX_ABOUT));
    return { name: safeName(String(name)), type, sha256 };
  } catch {
    // The sender did not encrypt the name.
    return { name: safeName(fileName) };
  }
}

/**
 * The plaintext of an envelope, as a stream. It is complete only if the stream ends without an error:
 * Damaged, TooLong, or the error of `sealed`.
 *
 * @param {Bytes} key
 * @param {ReadableStream<Bytes>} sealed
 * @param {{ limit?: number }} options
 */
export function openEnvelope(key, sealed, { limit = Infinity } = {}) {
  /** @type {Error | undefined} */
  let cause;
  const opened = watched(openStream(key, sealed), {
    failed: (error) => (cause = error),
  });
  let left = limit;
  return watched(opened.pipeThrough(new DecompressionStream("gzip")), {
    /** @param {Bytes} bytes */
    passed(bytes) {
      left -= bytes.length;
      if (left < 0) throw (cause = new TooLong());
    },
    // Without an earlier cause, the error is gzip's: the data is cut off or not gzip.
    failed: () => cause ?? new Damaged(),
  });
}

/**
 * A file as a stream of slices; the browsers' own streams have pieces of any size.
 *
 * @param {File} file
 * @param {((bytes: number) => void) | undefined} onProgress
 */
function slices(file, onProgress) {
  let done = 0;
  return new ReadableStream({
    async pull(controller) {
      if (done === file.size) return controller.close();
      // Browsers refuse to read a file that has changed since it was chosen.
      const bytes = new Uint8Array(await file.slice(done, done + SLICE).arrayBuffer());
      if (bytes.length === 0) throw new FileChanged();
      done += bytes.length;
      controller.enqueue(bytes);
      onProgress?.(done);
    },
  }, { highWaterMark: 0 });
}

/**
 * Collects a stream in a Blob.
 *
 * @param {ReadableStream<Bytes>} stream
 * @param {{ type?: string, signal?: AbortSignal }} options
 */
export async function toBlob(stream, { type = "application/octet-stream", signal } = {}) {
  /** @type {Blob[]} */
  const blobs = [];
  /** @type {Bytes[]} */
  let parts = [];
  let size = 0;
  const gather = () => {
    blobs.push(new Blob(parts));
    [parts, size] = [[], 0];
  };
  await stream.pipeTo(new WritableStream({
    write(bytes) {
      parts.push(bytes);
      size += bytes.length;
      if (size >= PART) gather();
    },
  }), { signal });
  gather();
  return new Blob(blobs, { type });
}

/**
 * @param {CryptoKey} publicKey
 * @param {Bytes} key
 */
async function wrapKey(publicKey, key) {
  return toBase64(new Uint8Array(await crypto.subtle.encrypt("RSA-OAEP", publicKey, key)));
}

/**
 * A text in an envelope, in base64.
 *
 * @param {Bytes} key
 * @param {string} text
 */
async function sealSmall(key, text) {
  return toBase64(await collect(seal(key, new Blob([text]).stream())));
}

/**
 * @param {Bytes} key
 * @param {ReadableStream<Bytes>} readable
 */
function seal(key, readable) {
  return sealStream(key, readable.pipeThrough(new CompressionStream("gzip")));
}

/**
 * The same stream. `passed` gets each piece and may throw; `failed` returns the error to end with.
 *
 * @param {ReadableStream<Bytes>} stream
 * @param {{ passed?: (bytes: Bytes) => void, failed: (error: Error) => Error }} watch
 */
function watched(stream, { passed, failed }) {
  const reader = stream.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) return controller.close();
        passed?.(value);
        controller.enqueue(value);
      } catch (error) {
        reader.cancel(error).catch(() => {});
        throw failed(error);
      }
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}
