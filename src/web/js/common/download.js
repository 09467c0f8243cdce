// @ts-check
// Saves files: small ones through a Blob, large ones straight to the disk if the browser can. File names are
// made safe.

import { h } from "./dom.js";
import { safeName } from "../crypto/secret.js";

/** For more bytes than this, the browser asks for a place on the disk. */
const LARGE = 32 * 1024 * 1024;
/** How many bytes become a Blob at a time: Blobs are on the disk, arrays in memory. */
const PIECE = 8 * 1024 * 1024;
/** The browser may read the Blob for a while after the click. */
const KEEP_MS = 60_000;

/**
 * Saves bytes, a text or a Blob under a name. It has no specific type, so that no browser shows it as a page.
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
 * Saves `stream`: a ReadableStream, or a function that makes one after the place is chosen and gets `{
 * isInMemory }`, whether the data is collected in memory. Call it in the click handler, because browsers show
 * the dialog only there. `size` selects the way; `onProgress` gets the number of bytes so far. Rejects with
 * the error of the stream, or with AbortError if `signal` or the user aborts; an incomplete file does not
 * keep the name.
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
    const isInMemory = target instanceof BlobTarget;
    const source = typeof stream === "function" ? await stream({ isInMemory }) : stream;
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

/** Collects a file in Blobs and gives it to the browser at the end. */
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
