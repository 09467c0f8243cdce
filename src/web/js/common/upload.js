// @ts-check
// Sends the files of a draft, sealed slice by slice, and retries slices that were lost. At most two slices
// are in memory. FileSealer does the encryption.
import { ApiError, call, Offline, reach } from "./api.js";
import { root } from "./page.js";
import { sealedSize } from "../crypto/stream.js";

/** Slices end at chunk borders, so that nothing is sealed twice. */
const PREFIX = 7;
const CHUNK = 65_552;
/** In chunks: the small slice is below 1 MiB, the default limit of proxies, and is used after a 413. */
const [SMALL_SLICE, LARGE_SLICE] = [15, 60];
const FAST_MS = 2_000;
/** A slice without progress for this long is lost. */
const STALLED_MS = 30_000;
/** The timeout for answers to other requests. */
const PATIENCE_MS = 30_000;
/** The same after the user has cancelled. */
const DROP_MS = 10_000;
/** Waits between attempts, plus up to a half: together about a minute. */
const WAITS_MS = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000];
/** Statuses that may pass, and the longest wait that the server may ask for. */
const PASSING = [408, 409, 429, 500, 502, 503, 504];
const PATIENCE_S = 60;

/** The files of a draft. `run()` continues where it stopped, and can be called again. */
export class Upload {
  #id;
  #token;
  #files;
  #onProgress;
  #onWait;
  #done;
  #current = 0;
  #largest = LARGE_SLICE;

  /**
   * `files` are `{ file, sealer }` in the order of the attachments. `onProgress(done, total)` gets sealed
   * bytes of all files; `onWait(seconds)` is called before a retry.
   *
   * @param {{ id: string, token: string, files: { file: File,
   *   sealer: FileSealer }[],
   *   onProgress?: (done: number, total: number) => void,
   *   onWait?: (seconds: number) => void }} draft
   */
  constructor({ id, token, files, onProgress = () => {}, onWait = () => {} }) {
    this.#id = id;
    this.#token = token;
    this.#files = files.map(({ file, sealer }) => ({ file, sealer, size: sealedSize(file.size) }));
    this.#onProgress = onProgress;
    this.#onWait = onWait;
    this.#done = files.map(() => 0);
  }

  /** The sealed size of all files. */
  get total() {
    return this.#files.reduce((sum, { size }) => sum + size, 0);
  }

  /**
   * Sends the missing parts and publishes the secret. Throws Offline or ApiError when it gives up, or
   * AbortError of `signal`.
   *
   * @param {AbortSignal | undefined} signal
   */
  async run(signal) {
    while (this.#current < this.#files.length) {
      await this.#send(this.#current, signal);
      this.#current += 1;
    }
    return this.#patiently(signal, () => this.publish(signal));
  }

  /**
   * Publishes the secret; can be repeated.
   *
   * @param {AbortSignal} [signal]
   */
  async publish(signal) {
    const path = `api/secrets/${this.#id}/publish`;
    const answer = await call("POST", path, { headers: this.#headers, signal, patience: PATIENCE_MS });
    return answer?.data ?? null;
  }

  /** Deletes the draft. */
  async drop() {
    await call("DELETE", `api/secrets/${this.#id}/draft`, { headers: this.#headers, patience: DROP_MS });
  }

  get #headers() {
    return { "Upload-Token": this.#token };
  }

  /**
   * @param {number} number
   * @param {AbortSignal | undefined} signal
   */
  async #send(number, signal) {
    const { file, sealer, size } = this.#files[number];
    let at = await this.#patiently(signal, () => this.#offset(number, signal));
    let chunks = SMALL_SLICE;
    /** @type {{ from: number, to: number, sealed: Promise<Bytes> } | null} */
    let ahead = null;
    while (at < size) {
      const to = sliceEnd(at, chunks, size);
      const isReady = ahead?.from === at && ahead.to === to;
      const slice = ahead && isReady ? await ahead.sealed : await sealer.seal(file, at, to);
      // The next slice is sealed while this one is sent.
      ahead = null;
      if (to < size) {
        const next = { from: to, to: sliceEnd(to, chunks, size) };
        ahead = { ...next, sealed: sealer.seal(file, next.from, next.to) };
        // An error appears again when the slice is needed.
        ahead.sealed.catch(() => {});
      }
      const began = performance.now();
      const from = at;
      try {
        at = await this.#patiently(signal, async (again) => {
          if (again) {
            const stored = await this.#offset(number, signal);
            // A part arrived, so the rest is a new slice.
            if (stored !== from) return stored;
          }
          await this.#put(number, slice, from, to, size, signal);
          return to;
        });
      } catch (error) {
        // A proxy rejects slices of this size.
        if (!(error instanceof ApiError) || error.status !== 413 || chunks === SMALL_SLICE) throw error;
        chunks = this.#largest = SMALL_SLICE;
        continue;
      }
      this.#tell(number, at);
      if (performance.now() - began < FAST_MS && at === to) chunks = Math.min(this.#largest, chunks * 2);
      else chunks = SMALL_SLICE;
    }
    this.#tell(number, size);
  }

  /**
   * @param {number} number
   * @param {number} done
   */
  #tell(number, done) {
    this.#done[number] = done;
    this.#onProgress(this.#done.reduce((sum, part) => sum + part, 0), this.total);
  }

  /**
   * Runs `work` until it succeeds or the attempts are used up. `again` is true from the second attempt on.
   *
   * @template T
   * @param {AbortSignal | undefined} signal
   * @param {(again: boolean) => Promise<T>} work
   */
  async #patiently(signal, work) {
    for (let failures = 0; ; failures += 1) {
      try {
        return await work(failures > 0);
      } catch (error) {
        signal?.throwIfAborted();
        if (!passes(error) || failures >= WAITS_MS.length) throw error;
        const wait = Math.max(WAITS_MS[failures] * (1 + Math.random() / 2), (error.retryAfter ?? 0) * 1000);
        this.#onWait(wait / 1000);
        await pause(wait, signal);
      }
    }
  }

  /**
   * How many sealed bytes the server has.
   *
   * @param {number} number
   * @param {AbortSignal | undefined} signal
   */
  async #offset(number, signal) {
    const response = await reach(this.#address(number), {
      method: "HEAD", headers: this.#headers, signal, patience: PATIENCE_MS,
    });
    const retryAfter = Number(response.headers.get("Retry-After")) || null;
    if (!response.ok) throw new ApiError(response.status, {}, retryAfter);
    const { size } = this.#files[number];
    if (response.headers.get("Upload-Complete") === "true") return size;
    const offset = Number(response.headers.get("Upload-Offset"));
    if (!Number.isSafeInteger(offset) || offset < 0 || offset > size) throw new ApiError(500);
    return offset;
  }

  /**
   * Sends one slice. Uses XMLHttpRequest, because fetch reports no upload progress.
   *
   * @param {number} number
   * @param {Bytes} slice
   * @param {number} from
   * @param {number} to
   * @param {number} size
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<void>}
   */
  #put(number, slice, from, to, size, signal) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      /** @type {ReturnType<typeof setTimeout> | undefined} */
      let stalled;
      const alive = () => {
        clearTimeout(stalled);
        stalled = setTimeout(() => request.abort(), STALLED_MS);
      };
      const abort = () => request.abort();
      /** @param {() => void} act */
      const settle = (act) => {
        clearTimeout(stalled);
        signal?.removeEventListener("abort", abort);
        act();
      };
      request.open("PUT", this.#address(number));
      request.setRequestHeader("Upload-Token", this.#token);
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.setRequestHeader("Content-Range", `bytes ${from}-${to - 1}/${size}`);
      request.upload.addEventListener("progress", (event) => {
        alive();
        this.#tell(number, from + Math.min(event.loaded, to - from));
      });
      request.addEventListener("load", () => {
        if (request.status >= 200 && request.status < 300) return settle(resolve);
        const retryAfter = Number(request.getResponseHeader("Retry-After")) || null;
        return settle(() => reject(new ApiError(request.status, errorOf(request.responseText), retryAfter)));
      });
      request.addEventListener("error", () => settle(() => reject(new Offline())));
      request.addEventListener("abort", () => settle(() => reject(new Offline())));
      signal?.addEventListener("abort", abort);
      alive();
      request.send(slice);
    });
  }

  /** @param {number} number */
  #address(number) {
    return `${root}api/secrets/${this.#id}/attachments/${number + 1}`;
  }
}

/**
 * Whether a retry may help within a time that the user accepts without a question.
 *
 * @param {Error} error
 */
function passes(error) {
  if (error instanceof Offline) return true;
  return error instanceof ApiError && PASSING.includes(error.status) && (error.retryAfter ?? 0) <= PATIENCE_S;
}

/**
 * The end of a slice of this many chunks from `at`, at a chunk border.
 *
 * @param {number} at
 * @param {number} chunks
 * @param {number} size
 */
function sliceEnd(at, chunks, size) {
  const first = Math.max(0, Math.floor((at - PREFIX) / CHUNK));
  return Math.min(size, PREFIX + (first + chunks) * CHUNK);
}

/** @param {string} text */
function errorOf(text) {
  try {
    return JSON.parse(text).error;
  } catch {
    // The answer of a proxy.
    return {};
  }
}

/**
 * Waits, but only until the browser reports that the network is back.
 *
 * @param {number} milliseconds
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<void>}
 */
function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    /** @param {() => void} act */
    const end = (act) => {
      clearTimeout(timer);
      window.removeEventListener("online", back);
      signal?.removeEventListener("abort", aborted);
      act();
    };
    const back = () => end(resolve);
    const aborted = () => end(() => reject(signal?.reason));
    const timer = setTimeout(() => end(resolve), milliseconds);
    window.addEventListener("online", back);
    signal?.addEventListener("abort", aborted);
  });
}
