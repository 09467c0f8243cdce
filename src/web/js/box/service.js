// @ts-check
// Calls of the Key Service (docs/key-service.md) and messages for its errors. send.js and reader.js handle
// the content.
import { ApiError, explain, Offline } from "../common/api.js";
import { learnTime } from "../common/clock.js";
import { utf8 } from "../crypto/bytes.js";
import { NeedsSecureContext } from "../crypto/engine.js";
import { Damaged } from "../crypto/stream.js";
import { bytes, date, number, root, t } from "../common/page.js";

/** The timeout of a call without files: an error is better than a page that waits forever. */
const PATIENCE_MS = 90_000;

/**
 * The token in a pasted text: a token, or a link that ends with one. `null` if there is none.
 *
 * @param {string} text
 */
export function findToken(text) {
  const clean = text.trim().replace(/[.,;>)\]"'/]+$/, "");
  return /(?:^|[/#])([0-9A-Za-z]{31})$/.exec(clean)?.[1] ?? null;
}

/**
 * The link of a box.
 *
 * @param {string} token
 */
export function boxLink(token) {
  return `${root}box/${token}`;
}

/**
 * A text for a header: headers hold bytes, so each byte of its UTF-8 becomes a character.
 *
 * @param {string} text
 */
export function headerText(text) {
  return Array.from(utf8(text), (byte) => String.fromCharCode(byte)).join("");
}

/**
 * Whether a header can hold the text unchanged: no blanks at the ends, no control characters.
 *
 * @param {string} text
 */
export function fitsHeader(text) {
  return !/^[ \t]|[ \t]$|[\u0000-\u001f\u007f]/.test(text);
}

/**
 * Calls `/Service` + `path` and returns a successful Response; 304 counts as success. `form` is the body.
 * Throws ApiError with the server's message, Offline, or AbortError if `signal` aborts.
 *
 * @param {string} method
 * @param {string} path
 * @param {{ headers?: Record<string, string>, form?: Record<string, string>, key?: string | null,
 *   signal?: AbortSignal }} options
 */
export async function service(method, path = "", { headers = {}, form, key, signal } = {}) {
  /** @type {Record<string, string>} */
  const all = { Accept: "application/json", ...headers };
  if (key) all.Authorization = `ApiKey ${key}`;
  /** @type {RequestInit} */
  const options = {
    method, headers: all, signal: signal ?? AbortSignal.timeout(PATIENCE_MS), credentials: "omit",
    cache: "no-store", body: form && new URLSearchParams(form),
  };
  let response;
  const asked = Date.now();
  try {
    response = await fetch(`${root}Service${path}`, options);
    learnTime(response, asked);
    if (response.ok || response.status === 304) return response;
    throw failure(response.status, await response.text(), response.headers.get("Retry-After"));
  } catch (error) {
    throw error instanceof ApiError || error.name === "AbortError" ? error : new Offline(error);
  }
}

/**
 * The JSON of a Response. Throws Offline if the connection broke.
 *
 * @param {Response} response
 * @returns {Promise<any>} as docs/key-service.md describes it
 */
export async function json(response) {
  try {
    return await response.json();
  } catch (error) {
    throw new Offline(error);
  }
}

/**
 * The terms of a box, from `/Service/<token>/terms`.
 *
 * @param {string} token
 * @returns {Promise<Terms>}
 */
export async function termsOf(token) {
  return json(await service("GET", `/${token}/terms`));
}

/**
 * The public key of a box, in PEM.
 *
 * @param {string} token
 */
export async function publicKeyOf(token) {
  const response = await service("GET", `/${token}/publickey?format=pem`);
  try {
    return await response.text();
  } catch (error) {
    throw new Offline(error);
  }
}

/**
 * Sends a FormData, or a Blob with JSON, to a box. `onProgress(sent, total)` counts bytes. Uses
 * XMLHttpRequest, because fetch reports no upload progress. Throws as `service` does.
 *
 * @param {string} token
 * @param {FormData | Blob} form
 * @param {{ onProgress?: (sent: number, total: number) => void, signal?: AbortSignal }} options
 * @returns {Promise<void>}
 */
export function put(token, form, { onProgress, signal } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    /** @param {() => void} settle */
    const end = (settle) => {
      signal?.removeEventListener("abort", stop);
      settle();
    };
    const stopped = () => new DOMException("It was stopped.", "AbortError");
    if (signal?.aborted) return reject(stopped());
    signal?.addEventListener("abort", stop);
    request.open("PUT", `${root}Service`);
    request.setRequestHeader("token", token);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", ({ loaded, total }) => onProgress?.(loaded, total));
    request.addEventListener("load", () => {
      if (request.status === 200) return end(resolve);
      const wait = request.getResponseHeader("Retry-After");
      return end(() => reject(failure(request.status, request.responseText, wait)));
    });
    request.addEventListener("error", () => end(() => reject(new Offline())));
    request.addEventListener("abort", () => end(() => reject(stopped())));
    request.send(form);
  });
}

/**
 * @param {number} status
 * @param {string} body
 * @param {string | null} retryAfter
 */
function failure(status, body, retryAfter) {
  let said;
  try {
    said = JSON.parse(body);
  } catch {
    // The answer of a proxy: only the status is known.
  }
  const message = typeof said === "string" ? said : undefined;
  return new ApiError(status, { message }, Number(retryAfter) || null);
}

const MOMENT = "(\\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z)";

/** @param {string} found */
const asDate = (found) => ({ date: date(found) });
/** @param {string} found */
const asMost = (found) => ({ max: number(Number(found)) });
/** @param {string} found */
const asSize = (found) => ({ max: bytes(Number(found)) });

/**
 * Messages of the server and the keys of our texts; the function converts the captured group to arguments.
 *
 * @type {[RegExp, string, ((found: string) => Args)?][]}
 */
const KNOWN = [
  [/^There is no key with this token/, "box.error_no_box"],
  [/^The passphrase or the private key's hash is wrong/, "box.error_wrong"],
  [new RegExp(`^The messages can be read from ${MOMENT}`), "box.error_not_yet", asDate],
  [new RegExp(`^The key is locked since ${MOMENT}`), "box.error_locked", asDate],
  [/^This box has no private key here/, "box.error_key_file"],
  [/^The private key of this box is of no form/, "box.error_key_file"],
  [/^A file is too long: (\d+)/, "box.error_file_too_long", asSize],
  [/^The (?:parameters are|request's body is) too long: (\d+)/, "box.error_text_too_long", asMost],
  [/^Too many files: (\d+)/, "box.error_too_many_files", asMost],
  [/^The name of a file is too long/, "box.error_name_too_long"],
  [/^The box is full/, "box.error_full"],
  [/^There is no file to be fetched/, "box.error_ticket"],
  [/^This file is being fetched/, "box.error_ticket_in_use"],
  [/^The public key of this box/, "box.error_public_key"],
  [/^No boxes can be created/, "box.off_text"],
  [/^Boxes are created with an API key only/, "box.error_api_key"],
];

/**
 * Whether an error has this text.
 *
 * @param {Error & { isOtherScheme?: boolean }} error
 * @param {string} key
 */
export function isKnown(error, key) {
  if (!(error instanceof ApiError)) return false;
  return KNOWN.some(([pattern, text]) => text === key && pattern.test(error.message));
}

/**
 * The texts for errors of crypto/ and of the browser, by their names.
 *
 * @type {Record<string, string>}
 */
const NAMED = {
  FileChanged: "box.error_file_gone",
  NotFoundError: "box.error_file_gone",
  NotReadableError: "box.error_file_gone",
  TooLong: "box.error_too_long",
  UnreadableKey: "box.error_no_key",
  UnusableKey: "box.error_public_key",
  WrongPassphrase: "box.error_wrong_file",
};

/**
 * The message for an error of a box.
 *
 * @param {Error & { isOtherScheme?: boolean }} error
 */
export function explainBox(error) {
  if (error instanceof ApiError) {
    for (const [pattern, key, args] of KNOWN) {
      const found = pattern.exec(error.message);
      if (found) return t(key, args?.(found[1]));
    }
    return explain(error);
  }
  if (error instanceof Offline) return explain(error);
  if (error instanceof NeedsSecureContext) return t("box.error_insecure");
  if (error instanceof Damaged) return t("box.error_damaged");
  if (error.isOtherScheme) return t("box.error_scheme");
  const key = NAMED[error.name];
  return key ? t(key) : explain(error);
}
