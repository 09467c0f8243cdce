// @ts-check
// Calls of the API and messages for their errors.
import { learnTime } from "./clock.js";
import { duration, root, t } from "./page.js";

/** An error answer of the server. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {{ message?: string, field?: string }} said
   * @param {number | null} retryAfter
   */
  constructor(status, { message, field } = {}, retryAfter = null) {
    super(message ?? `status ${status}`);
    this.name = "ApiError";
    this.status = status;
    this.field = field ?? null;
    this.retryAfter = retryAfter;
  }
}

/** The server could not be reached, the answer was cut off, or it came from something else. */
export class Offline extends Error {
  /** @param {unknown} [cause] */
  constructor(cause) {
    super("the server was not reached", { cause });
    this.name = "Offline";
  }
}

/** No answer before the timeout. */
class Late extends Error {}

/**
 * Whether the error is a timeout.
 *
 * @param {Error} error
 */
export function isLate(error) {
  return error instanceof Offline && error.cause instanceof Late;
}

/**
 * Works as `fetch`. Throws Offline if the server cannot be reached or sends no headers within `patience`
 * milliseconds; the body may take longer. Throws AbortError only if `signal` aborts.
 *
 * @param {string | URL} address
 * @param {RequestInit & { patience?: number }} options
 */
export async function reach(address, { signal, patience, ...options }) {
  const stop = new AbortController();
  const ended = () => stop.abort(signal?.reason);
  if (signal?.aborted) ended();
  // The listener stays, because `signal` can also abort the body.
  signal?.addEventListener("abort", ended, { once: true });
  let late = null;
  const timer = patience && setTimeout(() => {
    late = new Late(`nothing came within ${patience} ms`);
    stop.abort();
  }, patience);
  const asked = Date.now();
  try {
    const response = await fetch(address, {
      ...options, signal: stop.signal, credentials: "omit", cache: "no-store",
    });
    learnTime(response, asked);
    return response;
  } catch (error) {
    if (error.name === "AbortError" && (signal?.aborted || !late)) throw error;
    throw new Offline(late ?? error);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Calls `path` (below the root) and returns the JSON of the answer, null for an empty answer. `key` is an API
 * key; `body` is sent as JSON. Throws ApiError, Offline, or AbortError if `signal` aborts. `patience` is that
 * of `reach`.
 *
 * @param {string} method
 * @param {string} path
 * @param {{ body?: unknown, headers?: Record<string, string>, key?: string | null, signal?: AbortSignal,
 *   patience?: number }} options
 */
export async function call(method, path, { body, headers = {}, key, signal, patience } = {}) {
  const all = { ...headers };
  if (key) all.Authorization = `ApiKey ${key}`;
  if (body !== undefined) all["Content-Type"] = "application/json";
  const response = await reach(root + path, {
    method, headers: all, signal, patience, body: body === undefined ? undefined : JSON.stringify(body),
  });
  let answer;
  try {
    answer = await response.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Offline(error);
  }
  let parsed = null;
  try {
    parsed = answer ? JSON.parse(answer) : null;
  } catch (error) {
    // The answer of a proxy. For an error the status is enough; a success without JSON did not come from the
    // server.
    if (response.ok) throw new Offline(error);
  }
  if (response.ok) return parsed;
  throw new ApiError(response.status, parsed?.error, Number(response.headers.get("Retry-After")) || null);
}

/**
 * The message for an error of `call`.
 *
 * @param {Error} error
 */
export function explain(error) {
  if (error instanceof Offline) return t("error.offline");
  if (!(error instanceof ApiError)) return t("common.failed", { why: error.message });
  const wait = error.retryAfter ? duration(error.retryAfter) : "";
  switch (error.status) {
    case 401:
    case 403:
      return error.message;
    case 404:
      return t("error.gone");
    case 413:
      return t("error.too_long");
    case 429:
      return wait ? t("error.too_often_wait", { wait }) : t("error.too_often");
    case 503:
      return t("error.busy");
    case 507:
      return t("error.full");
    default:
      return error.status < 500 ? error.message : t("error.server");
  }
}
