// @ts-check
// Creates a secret from a text and files: packs, encrypts and sends it. secret_form.js is the form; upload.js
// sends files that are too large for the secret itself.
import { call } from "./api.js";
import { config } from "./page.js";
import { toBase64, utf8 } from "../crypto/bytes.js";
import { newHalves, pack, seal } from "../crypto/secret.js";
import { FileSealer } from "../crypto/stream.js";
import { Upload } from "./upload.js";

/** Files up to this size together go into the secret itself, which takes one call. */
const INLINE_BYTES = 256 * 1024;
/** The size of SJCL's JSON around the ciphertext, rounded up. */
const AROUND = 300;
/** The timeout for the answer, and the time added for each byte sent (64 kbit/s). */
const [PATIENCE_MS, BYTE_MS] = [30_000, 1 / 8];
/** The share of the limit that a secret with files may use. */
const MARGIN = 0.9;

/** The most files of a secret. */
export const maxFiles = config.max_attachments ?? 10;

/**
 * The share of the server's limit that a plaintext of this length uses; above 1 is too long.
 *
 * @param {number} plaintextBytes
 */
export function share(plaintextBytes) {
  return (base64Length(base64Length(plaintextBytes + 16) + AROUND)) / config.max_ciphertext;
}

/** @param {number} bytes */
function base64Length(bytes) {
  return Math.ceil(bytes / 3) * 4;
}

/**
 * By how many bytes a text is too long; 0 if it fits.
 *
 * @param {string} text
 * @param {File[]} files
 */
export function excess(text, files) {
  const length = utf8(pack({ text, attachments: files.length ? placeholders(files) : [] })).length;
  if (share(length) <= 1) return 0;
  return Math.max(1, length - Math.floor(((config.max_ciphertext * 0.75 - AROUND) * 0.75) - 16));
}

/**
 * Entries as long as those of files that are sent separately.
 *
 * @param {File[]} files
 */
function placeholders(files) {
  return files.map(({ name, type, size }) => ({ name, type, size, n: maxFiles, key: new Uint8Array(32) }));
}

/**
 * Encrypts and sends a secret. `path` is the call, `key` an API key, `fields` the other fields of the call.
 * With `mailed` the server also gets the public half, to mail the link. `withHalf` makes more fields from that
 * half, encrypted. Returns `{ data, publicHalf, upload
 * }`; if there is an `upload`, the secret exists only after it has run.
 *
 * @param {HandOptions} options
 */
export async function hand({
  path, key, text, files, fields = {}, mailed = false, withHalf, reply, onProgress, onWait, signal,
}) {
  const isInline = await fitsInline(text, files);
  const sealers = isInline ? [] : await Promise.all(files.map(() => FileSealer.create()));
  const attachments = await Promise.all(files.map(async (file, at) => {
    const { name, type, size } = file;
    if (!isInline) return { name, type, size, n: at + 1, key: sealers[at].key };
    return { name, type, size, data: new Uint8Array(await file.arrayBuffer()) };
  }));
  const { privateHalf, publicHalf } = newHalves();
  const ciphertext = await seal(privateHalf + publicHalf, pack({ text, attachments, reply }));
  signal?.throwIfAborted();
  /** @type {Record<string, unknown>} */
  const body = { ...fields, ciphertext, password_part_private: toBase64(utf8(privateHalf)) };
  if (mailed) body.password_part_public = toBase64(utf8(publicHalf));
  if (withHalf) Object.assign(body, await withHalf(publicHalf));
  if (sealers.length) body.attachments = sealers.length;
  const { data } = await call("POST", path, {
    body, key, signal, patience: PATIENCE_MS + ciphertext.length * BYTE_MS,
  });
  const upload = sealers.length ? new Upload({
    id: data.id, token: data.upload_token, onProgress, onWait,
    files: files.map((file, at) => ({ file, sealer: sealers[at] })),
  }) : null;
  return { data, publicHalf, upload };
}

/**
 * @param {string} text
 * @param {File[]} files
 */
async function fitsInline(text, files) {
  const size = files.reduce((sum, file) => sum + file.size, 0);
  if (!files.length || size > INLINE_BYTES) return files.length === 0;
  const around = utf8(pack({ text, attachments: placeholders(files) })).length;
  return share(around + base64Length(size) + 4 * files.length) <= MARGIN;
}
