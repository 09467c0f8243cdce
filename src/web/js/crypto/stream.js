// @ts-check
// Files of any size under AES-256-GCM in chunks (STREAM, src/crypto/stream): sealed in slices from a Blob,
// opened as a stream. Memory holds one chunk and the current slice.

import { concat, toBase64 } from "./bytes.js";
import { aesGcm, BadTag } from "./engine.js";
import { randomBytes } from "./random.js";

/** The plaintext bytes of a chunk. Every chunk except the last is full. */
export const CHUNK = 65_536;
const TAG = 16;
const SEALED_CHUNK = CHUNK + TAG;
const PREFIX = 7;
/** The limit of a 32-bit counter. */
const MAX_CHUNKS = 2 ** 32;

/** @typedef {Awaited<ReturnType<typeof aesGcm>>} Cipher */

/**
 * The sealed size of `size` bytes.
 *
 * @param {number} size
 */
export function sealedSize(size) {
  return PREFIX + size + TAG * chunkCount(size);
}

/**
 * The plaintext size of `sealed` bytes, or null if no file has that sealed size.
 *
 * @param {number} sealed
 */
export function openedSize(sealed) {
  const [full, rest] = [Math.floor((sealed - PREFIX) / SEALED_CHUNK), (sealed - PREFIX) % SEALED_CHUNK];
  if (sealed < PREFIX + TAG) return null;
  if (rest === 0) return full * CHUNK;
  // Only the single chunk of an empty file may be empty.
  return rest > TAG || (rest === TAG && full === 0) ? full * CHUNK + rest - TAG : null;
}

/** @param {number} size */
function chunkCount(size) {
  return Math.max(1, Math.ceil(size / CHUNK));
}

/** An encrypted file is cut off, has extra data, was changed, or has another key. */
export class Damaged extends Error {
  constructor() {
    super("The encrypted file is damaged or incomplete.");
    this.name = "Damaged";
  }
}

/** A file has changed since it was chosen. */
export class FileChanged extends Error {
  constructor() {
    super("The file changed while it was read.");
    this.name = "FileChanged";
  }
}

/**
 * Seals one file, any part at any time. The same part always gives the same bytes, so a lost slice can be
 * made again. Throws for a second file, and FileChanged if the content has changed: two files under one key
 * would reveal both.
 */
export class FileSealer {
  #cipher;
  #prefix;
  /** @type {Blob | null} */
  #blob = null;
  /**
   * The tag of each sealed chunk, in base64.
   *
   * @type {Map<number, string>}
   */
  #tags = new Map();

  /** The key, 32 bytes, which opens the file. */
  key;

  /**
   * @param {Cipher} cipher
   * @param {Bytes} key
   * @param {Bytes} prefix
   */
  constructor(cipher, key, prefix) {
    this.#cipher = cipher;
    this.#prefix = prefix;
    this.key = key;
  }

  /** Pass key and prefix only to continue with the same file. */
  static async create(key = randomBytes(32), prefix = randomBytes(PREFIX)) {
    return new FileSealer(await aesGcm(key), key, prefix);
  }

  /** The first 7 bytes of the sealed form. */
  get prefix() {
    return this.#prefix.slice();
  }

  /**
   * Bytes `from` to `to` (exclusive) of the sealed form of `blob`. Slices at chunk borders (7 + k · 65,552)
   * do no work twice; others work too. Browsers refuse to read a file that has changed since it was chosen.
   *
   * @param {Blob} blob
   * @param {number} from
   * @param {number} to
   */
  async seal(blob, from, to) {
    this.#blob ??= blob;
    if (blob !== this.#blob) throw new Error("A FileSealer is for one file.");
    const chunks = chunkCount(blob.size);
    if (chunks > MAX_CHUNKS) throw new RangeError("The file is too large.");
    const inside = from >= 0 && from <= to && to <= sealedSize(blob.size);
    if (!inside) throw new RangeError("This range is outside of the file.");
    const first = Math.max(0, Math.floor((from - PREFIX) / SEALED_CHUNK));
    const end = Math.ceil((to - PREFIX) / SEALED_CHUNK);
    const pieces = from < PREFIX ? [this.#prefix] : [];
    const [start, stop] = [first, Math.max(first, end)].map((number) => Math.min(number * CHUNK, blob.size));
    const plaintext = new Uint8Array(await blob.slice(start, stop).arrayBuffer());
    if (plaintext.length !== stop - start) throw new FileChanged();
    for (let number = first; number < end; number += 1) {
      const at = (number - first) * CHUNK;
      const nonce = nonceOf(this.#prefix, number, number === chunks - 1);
      const sealed = await this.#cipher.seal(nonce, plaintext.subarray(at, at + CHUNK));
      this.#remember(number, sealed);
      pieces.push(sealed);
    }
    const made = from < PREFIX ? 0 : PREFIX + first * SEALED_CHUNK;
    return concat(...pieces).subarray(from - made, to - made);
  }

  /**
   * Not all browsers notice that a file was edited, so this prevents a nonce with other content.
   *
   * @param {number} number
   * @param {Bytes} sealed
   */
  #remember(number, sealed) {
    const tag = toBase64(sealed.subarray(-TAG));
    if ((this.#tags.get(number) ?? tag) !== tag) throw new FileChanged();
    this.#tags.set(number, tag);
  }
}

/**
 * @param {Bytes} prefix
 * @param {number} number
 * @param {boolean} last
 */
function nonceOf(prefix, number, last) {
  const nonce = new Uint8Array(12);
  nonce.set(prefix);
  new DataView(nonce.buffer).setUint32(PREFIX, number);
  nonce[11] = last ? 1 : 0;
  return nonce;
}

/**
 * The plaintext of `readable`, as a stream. It ends without an error only after the last chunk with nothing
 * behind it, and with `size` only after exactly that many bytes. Otherwise it ends with Damaged, and the
 * output is incomplete.
 *
 * @param {Bytes} key
 * @param {ReadableStream<Bytes>} readable
 * @param {{ size?: number }} options
 */
export function openStream(key, readable, { size } = {}) {
  return readable.pipeThrough(new TransformStream(new Opener(key, size)));
}

/**
 * Seals a stream of unknown size. The key must not seal anything else.
 *
 * @param {Bytes} key
 * @param {ReadableStream<Bytes>} readable
 * @param {Bytes} prefix
 */
export function sealStream(key, readable, prefix = randomBytes(PREFIX)) {
  return readable.pipeThrough(new TransformStream(new Sealer(key, prefix)));
}

/** Collects pieces of any size into pieces of one size. */
class Buffer {
  #bytes;
  #filled = 0;

  /** @param {number} size */
  constructor(size) {
    this.#bytes = new Uint8Array(size);
  }

  get filled() {
    return this.#bytes.subarray(0, this.#filled);
  }

  get isFull() {
    return this.#filled === this.#bytes.length;
  }

  /**
   * Takes as much as fits, and returns the rest.
   *
   * @param {Bytes} bytes
   */
  take(bytes) {
    const taken = bytes.subarray(0, this.#bytes.length - this.#filled);
    this.#bytes.set(taken, this.#filled);
    this.#filled += taken.length;
    return bytes.subarray(taken.length);
  }

  clear() {
    this.#filled = 0;
  }
}

/**
 * Shared by both directions: chunks are numbered, and a full chunk waits for more data, because it may be the
 * last.
 */
class Chunks {
  number = 0;
  buffer;

  /**
   * Removes the part before the first chunk.
   *
   * @param {Bytes} bytes
   */
  begin(bytes) {
    return bytes;
  }

  /**
   * Seals or opens a chunk.
   *
   * @param {number} _number
   * @param {boolean} _last
   * @param {Bytes} _chunk
   * @returns {Promise<Bytes>}
   */
  crypt(_number, _last, _chunk) {
    throw new Error();
  }

  /** @param {number} chunkSize */
  constructor(chunkSize) {
    this.buffer = new Buffer(chunkSize);
  }

  /**
   * @param {Bytes} bytes
   * @param {TransformStreamDefaultController<Bytes>} controller
   */
  async transform(bytes, controller) {
    let rest = this.begin(asBytes(bytes));
    while (rest.length > 0) {
      if (this.buffer.isFull) await this.next(false, controller);
      rest = this.buffer.take(rest);
    }
  }

  /**
   * @param {boolean} last
   * @param {TransformStreamDefaultController<Bytes>} controller
   */
  async next(last, controller) {
    if (this.number >= MAX_CHUNKS) throw new RangeError("The file is too large.");
    controller.enqueue(await this.crypt(this.number, last, this.buffer.filled));
    this.buffer.clear();
    this.number += 1;
  }
}

class Opener extends Chunks {
  #key;
  /** @type {Cipher | undefined} */
  #cipher;
  #size;
  #opened = 0;
  #prefix = new Buffer(PREFIX);

  /**
   * @param {Bytes} key
   * @param {number | undefined} size
   */
  constructor(key, size) {
    super(SEALED_CHUNK);
    this.#key = key;
    this.#size = size ?? undefined;
  }

  async start() {
    this.#cipher = await aesGcm(this.#key);
  }

  /** @param {Bytes} bytes */
  begin(bytes) {
    return this.#prefix.take(bytes);
  }

  /**
   * @param {number} number
   * @param {boolean} last
   * @param {Bytes} chunk
   */
  async crypt(number, last, chunk) {
    // An empty last chunk after others would be a second way to split the same file.
    if (number > 0 && chunk.length <= TAG) throw new Damaged();
    let plaintext;
    try {
      const nonce = nonceOf(this.#prefix.filled, number, last);
      plaintext = await /** @type {Cipher} */ (this.#cipher).open(nonce, chunk);
    } catch (error) {
      throw error instanceof BadTag ? new Damaged() : error;
    }
    this.#opened += plaintext.length;
    if (this.#size !== undefined && this.#opened > this.#size) throw new Damaged();
    return plaintext;
  }

  /** @param {TransformStreamDefaultController<Bytes>} controller */
  async flush(controller) {
    if (!this.#prefix.isFull) throw new Damaged();
    await this.next(true, controller);
    if (this.#size !== undefined && this.#opened !== this.#size) throw new Damaged();
  }
}

class Sealer extends Chunks {
  #key;
  /** @type {Cipher | undefined} */
  #cipher;
  #prefix;

  /**
   * @param {Bytes} key
   * @param {Bytes} prefix
   */
  constructor(key, prefix) {
    super(CHUNK);
    this.#key = key;
    this.#prefix = prefix;
  }

  /** @param {TransformStreamDefaultController<Bytes>} controller */
  async start(controller) {
    this.#cipher = await aesGcm(this.#key);
    controller.enqueue(this.#prefix);
  }

  /** @param {Bytes} bytes */
  begin(bytes) {
    return bytes;
  }

  /**
   * @param {number} number
   * @param {boolean} last
   * @param {Bytes} chunk
   */
  crypt(number, last, chunk) {
    return /** @type {Cipher} */ (this.#cipher).seal(nonceOf(this.#prefix, number, last), chunk);
  }

  /** @param {TransformStreamDefaultController<Bytes>} controller */
  flush(controller) {
    return this.next(true, controller);
  }
}

/** @param {Bytes} chunk */
function asBytes(chunk) {
  return chunk instanceof Uint8Array ? chunk : new Uint8Array(chunk);
}
