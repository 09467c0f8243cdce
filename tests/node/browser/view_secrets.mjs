// Creating secrets as a sender would, and reading their logs: shared by several scripts of this folder.
import assert from "node:assert/strict";
import { createRequire, register } from "node:module";
import { recorder, servers } from "./harness.mjs";

register("../web_hooks.mjs", import.meta.url);
const js = new URL("../../../src/web/js/", import.meta.url);
const { newHalves, pack, seal } = await import(new URL("crypto/secret.js", js));
const { toBase64, utf8 } = await import(new URL("crypto/bytes.js", js));
const sjcl = createRequire(import.meta.url)("sjcl");

/** A call of a server with the account's key: `{ status, json }`. */
export async function call(method, path, body, server = "open") {
  const { url, key } = servers[server];
  const response = await fetch(url + path, {
    method,
    headers: { Authorization: `ApiKey ${key}`, "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  return { status: response.status, json: await response.json() };
}

/**
 * Creates a secret: `{ id, key, path, url }`, where `key` is the part after the `#`. `tagBits` makes SJCL
 * itself seal it, as older clients do; `bits` are 32 of content that is not text, `half` is a public half
 * of another program; other fields are sent to the server unchanged.
 */
export async function makeSecret({
  text = "hunter2", attachments = [], tagBits, bits, half, server = "open", ...fields
} = {}) {
  const { privateHalf, publicHalf: fresh } = newHalves();
  const publicHalf = half ?? fresh;
  const password = privateHalf + publicHalf;
  const plaintext = bits ?? pack({ text, attachments });
  const ciphertext = tagBits || bits
    ? toBase64(utf8(sjcl.encrypt(password, plaintext, { mode: "gcm", ks: 256, iter: 10000, ts: tagBits ?? 128 })))
    : await seal(password, plaintext);
  const part = toBase64(utf8(privateHalf));
  const body = { ciphertext, password_part_private: part, ...fields };
  const { status, json } = await call("POST", "/api/secrets", body, server);
  assert.equal(status, 201, JSON.stringify(json));
  const { id } = json.data;
  const key = toBase64(utf8(publicHalf));
  const path = `/${id}/#${key}`;
  if (!half) {
    recorder.plant(`the key of ${id}`, key);
    recorder.plant(`the public half of ${id}`, publicHalf);
  }
  return { id, key, path, url: servers[server].url + path };
}

/** The secret as it is in its sender's list: `view_times`, `views`, `events`. */
export async function logOf(id, server = "open") {
  const { json } = await call("GET", "/api/secrets", undefined, server);
  const found = json.data.find((secret) => secret.id === id);
  assert.ok(found, "the secret is in the list");
  return found;
}

/** Presses the button and waits for the secret. */
export async function openSecret(page) {
  await page.getByRole("button", { name: /Open the secret|Öppna hemligheten/ }).click();
  await page.getByRole("heading", { name: /Here is your secret|Här är din hemlighet/ }).waitFor();
}

/** Uncovers the text and returns it. */
export async function readSecret(page) {
  await page.getByRole("button", { name: /^(Show|Visa)$/ }).click();
  return page.locator(".secret pre").textContent();
}

/** Waits for the page with this heading. */
export async function heading(page, name) {
  await page.getByRole("heading", { level: 1, name }).waitFor();
}

export const GONE = /no longer here|finns inte längre här/;
