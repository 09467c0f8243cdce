// @ts-check
// The sealed bytes of an attachment as one stream over several requests: after a break, the next request
// continues.

import { ApiError, Offline } from "../common/api.js";
import { root } from "../common/page.js";

/**
 * Fetches attachment `n` of a secret under a lease. `onBroken(error)` is called when the connection breaks or
 * the server is busy: the stream continues when it resolves, and ends with its rejection. Other answers end
 * the stream with ApiError.
 *
 * @param {{ id: string, n: number, lease: string, onBroken: (error: Error) => Promise<void>,
 *   signal: AbortSignal }} options
 * @returns {ReadableStream<Bytes>}
 */
export function fetchSealed({ id, n, lease, onBroken, signal }) {
  let at = 0;
  /** @type {Rest | null} */
  let reader = null;
  const begin = async () => {
    const headers = { Lease: lease, ...(at > 0 && { Range: `bytes=${at}-` }) };
    let response;
    try {
      response = await fetch(`${root}api/secrets/${id}/attachments/${n}`, {
        headers, signal, credentials: "omit", cache: "no-store",
      });
    } catch (error) {
      throw error.name === "AbortError" ? error : new Offline(error);
    }
    // All bytes had arrived when the connection broke.
    if (response.status === 416 && at > 0) return null;
    if (!response.ok) {
      const wait = Number(response.headers.get("Retry-After")) || null;
      throw new ApiError(response.status, undefined, wait);
    }
    // A server without range support sends it from the start.
    const body = /** @type {ReadableStream<Bytes>} */ (response.body);
    return new Rest(body.getReader(), response.status === 206 ? 0 : at);
  };
  const next = async () => {
    reader ??= await begin();
    if (reader === null) return null;
    const bytes = await reader.read();
    at += bytes?.length ?? 0;
    return bytes;
  };
  return new ReadableStream({
    async pull(controller) {
      for (;;) {
        try {
          const bytes = await next();
          if (bytes === null) return controller.close();
          return controller.enqueue(bytes);
        } catch (error) {
          reader = null;
          if (!canGoOn(error)) throw error;
          await onBroken(error);
        }
      }
    },
    cancel: () => reader?.cancel(),
  }, { highWaterMark: 0 });
}

/** @param {Error} error */
function canGoOn(error) {
  if (error instanceof Offline) return true;
  return error instanceof ApiError && [429, 502, 503, 504].includes(error.status);
}

/** The rest of a response, without the bytes that are already here. */
class Rest {
  #reader;
  #skip;

  /**
   * @param {ReadableStreamDefaultReader<Bytes>} reader
   * @param {number} skip
   */
  constructor(reader, skip) {
    this.#reader = reader;
    this.#skip = skip;
  }

  async read() {
    for (;;) {
      let result;
      try {
        result = await this.#reader.read();
      } catch (error) {
        throw error.name === "AbortError" ? error : new Offline(error);
      }
      if (result.done) return null;
      const bytes = result.value.subarray(this.#skip);
      this.#skip -= result.value.length - bytes.length;
      if (bytes.length > 0) return bytes;
    }
  }

  cancel() {
    return this.#reader.cancel();
  }
}
