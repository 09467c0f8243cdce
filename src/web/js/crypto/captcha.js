// @ts-check
// The proof of work of a secret with a captcha (docs/public-api.md, "Captcha"): ALTCHA, version 2. Workers do
// it in parallel, so that the page stays responsive.

import { scriptUrl } from "./trusted.js";
import { toBase64, utf8 } from "./bytes.js";

/** More workers than this only use more power. */
const MAX_WORKERS = 4;
/** How many attempts a solution takes on average. Only for the progress bar. */
const MEAN_TRIES = 4_096;

/**
 * Solves the answer of `GET /api/public/captcha`. Returns the text for the field `captcha`.
 * `onProgress(share)` gets about 0 to 1; `signal` aborts with its reason.
 *
 * @param {{ parameters: Record<string, unknown> }} challenge
 * @param {{ onProgress?: (share: number) => void, signal?: AbortSignal }} options
 */
export async function solve(challenge, { onProgress, signal } = {}) {
  signal?.throwIfAborted();
  const solution = await work(challenge.parameters, onProgress ?? (() => {}), signal);
  return toBase64(utf8(JSON.stringify({ challenge, solution })));
}

/**
 * @param {Record<string, unknown>} parameters
 * @param {(share: number) => void} onProgress
 * @param {AbortSignal | undefined} signal
 */
function work(parameters, onProgress, signal) {
  const count = Math.max(1, Math.min(MAX_WORKERS, navigator.hardwareConcurrency ?? 2));
  /** @type {Worker[]} */
  const workers = [];
  const stop = new AbortController();
  let tries = 0;
  const solved = new Promise((resolve, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason), { signal: stop.signal });
    for (let first = 0; first < count; first += 1) {
      const worker = new Worker(scriptUrl(new URL("captcha_worker.js", import.meta.url)), { type: "module" });
      workers.push(worker);
      worker.addEventListener("message", ({ data }) => {
        // The first solution counts; later messages are ignored.
        if (stop.signal.aborted) return;
        if (data.solution) {
          stop.abort();
          resolve(data.solution);
        }
        if (data.error) reject(new Error(data.error));
        tries += data.tries ?? 0;
        onProgress(data.solution ? 1 : Math.min(0.99, 1 - Math.exp(-tries / MEAN_TRIES)));
      });
      worker.addEventListener("error", (event) => {
        reject(new Error(event.message || "The script for the captcha could not be loaded."));
      });
      worker.postMessage({ parameters, first, step: count });
    }
  });
  return solved.finally(() => {
    stop.abort();
    for (const worker of workers) worker.terminate();
  });
}
