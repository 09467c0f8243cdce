// @ts-check
// Tries every `step`th counter from `first`, until one derives the required key. Runs in a worker of
// captcha.js.

import { fromHex, toHex } from "./bytes.js";
import { pbkdf2 } from "./engine.js";

/** How many attempts one progress message reports. */
const REPORT = 20;
/** No valid challenge has a higher cost. */
const MAX_COST = 1_000_000;

addEventListener("message", async ({ data }) => {
  try {
    postMessage({ solution: await search(data) });
  } catch (error) {
    postMessage({ error: error.message || "The captcha cannot be solved." });
  }
});

/**
 * @param {{ parameters: { algorithm: string, cost: number, keyLength: number, keyPrefix: string,
 *   nonce: string,
 *   salt: string }, first: number, step: number }} job
 */
async function search({ parameters, first, step }) {
  const { algorithm, cost, keyLength, keyPrefix, nonce, salt } = parameters;
  const known = algorithm === "PBKDF2/SHA-256" && keyLength <= 32 && cost <= MAX_COST;
  if (!known) throw new Error("This kind of captcha is unknown.");
  const [prefix, saltBytes] = [fromHex(nonce), fromHex(salt)];
  const password = new Uint8Array(prefix.length + 4);
  password.set(prefix);
  const view = new DataView(password.buffer);
  const start = performance.now();
  let tries = 0;
  for (let counter = first; counter < 2 ** 32; counter += step) {
    view.setUint32(prefix.length, counter);
    const derivedKey = toHex(await pbkdf2(password, saltBytes, cost, keyLength));
    if (derivedKey.startsWith(keyPrefix)) {
      return { counter, derivedKey, time: Math.round(performance.now() - start) };
    }
    tries += 1;
    if (tries % REPORT === 0) postMessage({ tries: REPORT });
  }
  throw new Error("This captcha has no solution.");
}
