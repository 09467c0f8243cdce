// Secrets by the API, for flows of pages: created and opened by the published sjcl, not by our own modules.
import assert from "node:assert/strict";
import { createRequire, register } from "node:module";

const sjcl = createRequire(import.meta.url)("sjcl");

/** A PNG of 2 by 2 pixels. */
export const PICTURE = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGP4z8AARAwQCgAf7gP9i18U1AAAAABJRU5ErkJggg==", "base64");

/** Calls a server; returns `data`. Fails unless the status is `status`. */
export async function api(server, method, path, { body, key, headers = {}, status } = {}) {
  const response = await fetch(`${server.url}/api/${path}`, {
    method, body: body && JSON.stringify(body),
    headers: {
      ...(body && { "Content-Type": "application/json" }), ...(key && { Authorization: `ApiKey ${key}` }), ...headers,
    },
  });
  const answer = await response.json();
  assert.ok(status ? response.status === status : response.ok, `${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
  return answer.data ?? answer;
}

/** Creates a secret with the key of the account, or without; returns the answer, and its link. */
export async function makeSecret(server, text, fields = {}, { key } = {}) {
  const [mine, yours] = ["abcdefghijklmnopqr", "ABCDEFGHIJKLMNOPQR"];
  const ciphertext = btoa(sjcl.encrypt(mine + yours, text, { mode: "gcm", ks: 256, iter: 1000, ts: 128 }));
  const body = { ciphertext, password_part_private: btoa(mine), ...fields };
  const made = await api(server, "POST", key ? "secrets" : "public/secrets", { body, key });
  return { ...made, link: `${server.url}/${made.id}/#${btoa(yours)}` };
}

/** Opens the secret of a link: `{ text, attachments, message, view }`, attachments as they are in it. */
export async function openLink(server, link, { password, captcha } = {}) {
  const [, id, part] = /\/([A-Za-z0-9]{31})\/#([A-Za-z0-9+/=]+)$/.exec(link) ?? [];
  assert.ok(id, `no link: ${link}`);
  const view = await api(server, "POST", `public/secrets/${id}/view`, { body: { password, captcha } });
  const plaintext = sjcl.decrypt(atob(view.password_part_private) + atob(part), atob(view.ciphertext));
  const packed = plaintext.startsWith("{") ? JSON.parse(plaintext) : { text: plaintext, attachments: [] };
  return { ...packed, message: view.message, view, id };
}

/** The file of an attachment that is in the secret. */
export function inlineFile({ data }) {
  return Buffer.from(data, "base64");
}

/** The separate files of a secret, opened by our own modules: Buffers, in their order. */
export async function fetchFiles(server, { id, view, attachments }) {
  register("../web_hooks.mjs", import.meta.url);
  const { openStream } = await import("../../../src/web/js/crypto/stream.js");
  const files = [];
  for (const { n, key, size } of attachments) {
    const response = await fetch(`${server.url}/api/secrets/${id}/attachments/${n}`, {
      headers: { Lease: view.lease.token },
    });
    assert.equal(response.status, 200);
    const opened = openStream(Buffer.from(key, "base64"), response.body, { size });
    files.push(Buffer.from(await new Response(opened).arrayBuffer()));
  }
  return files;
}
