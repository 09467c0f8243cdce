// @ts-check
// Saving files: small ones through a Blob, large ones straight to the disk where the browser can. Names are made
// safe. Where the bytes come from is not its business.

import { h } from "./dom.js";
import { safeName } from "../crypto/secret.js";

/** Above this many bytes the browser is asked for a place on the disk. */
const LARGE = 32 * 1024 * 1024;
/** So much is gathered before it becomes a Blob: those lie on the disk, arrays in memory. */
const PIECE = 8 * 1024 * 1024;
/** The browser may read the Blob for a while after the click. */
const KEEP_MS = 60_000;

/**
 * Saves bytes, a text or a Blob under a name. Its type stays untold: no browser is to show it as a page.
 *
 * @param {BlobPart} data
 * @param {{ name: string }} options
 */
export function saveBytes(data, { name }) {
  const url = URL.createObjectURL(new Blob([data], { type: "application/octet-stream" }));
  const link = h("a", { href: url, download: safeName(name), class: "hidden" });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), KEEP_MS);
}

/**
 * Saves what `stream` gives (a ReadableStream of Uint8Array, or a function that makes one once the place is
 * chosen, and is told `{ isInMemory }`: whether it gathers there). Call it in the click itself: browsers ask where
 * to save only then. `size` decides how; `onProgress` is told how many bytes there are by now. Rejects with what
 * the stream rejects with, and with AbortError if `signal` or the person ends it; nothing half-done stays under
 * the name then.
 *
 * @param {ReadableStream<Bytes> | ((how: { isInMemory: boolean }) => ReadableStream<Bytes>
 *   | Promise<ReadableStream<Bytes>>)} stream
 * @param {{ name: string, size?: number, onProgress?: (done: number) => void, signal?: AbortSignal }} options
 */
export async function save(stream, { name, size = 0, onProgress = () => {}, signal }) {
  const target = await openTarget(safeName(name), size);
  let done = 0;
  const counter = new WritableStream({
    /** @param {Bytes} chunk */
    async write(chunk) {
      await target.write(chunk);
      done += chunk.length;
      onProgress(done);
    },
    close: () => target.close(),
    abort: () => target.abort(),
  });
  try {
    const source = typeof stream === "function" ? await stream({ isInMemory: target instanceof BlobTarget }) : stream;
    await source.pipeTo(counter, { signal });
  } catch (error) {
    await target.abort().catch(() => {});
    throw error;
  }
}

/**
 * @param {string} name
 * @param {number} size
 */
async function openTarget(name, size) {
  if (size <= LARGE || !window.showSaveFilePicker) return new BlobTarget(name);
  const handle = await window.showSaveFilePicker({ suggestedName: name });
  return handle.createWritable();
}

/** Gathers a file in Blobs and hands it to the browser at the end. */
class BlobTarget {
  #name;
  /** @type {Blob[]} */
  #blobs = [];
  /** @type {Bytes[]} */
  #pieces = [];
  #length = 0;

  /** @param {string} name */
  constructor(name) {
    this.#name = name;
  }

  /** @param {Bytes} chunk */
  async write(chunk) {
    this.#pieces.push(chunk);
    this.#length += chunk.length;
    if (this.#length >= PIECE) this.#gather();
  }

  async close() {
    this.#gather();
    saveBytes(new Blob(this.#blobs), { name: this.#name });
    this.#blobs = [];
  }

  async abort() {
    this.#blobs = [];
    this.#pieces = [];
  }

  #gather() {
    this.#blobs.push(new Blob(this.#pieces));
    this.#pieces = [];
    this.#length = 0;
  }
}
