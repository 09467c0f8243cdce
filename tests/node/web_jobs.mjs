// Runs the modules of src/web/js over a list of jobs, for tests in Rust. Standard input: [{do, …}, …];
// standard output: for each job {ok: the result} or {error: the name of the error}. Bytes are
// base64.  [SEALDROP_PLAIN_HTTP=1] node --import ./tests/node/web_loader.mjs tests/node/web_jobs.mjs

import { text } from "node:stream/consumers";
import { Worker as Thread } from "node:worker_threads";

const js = new URL("../../src/web/js/", import.meta.url);
const load = (name) => import(new URL(name, js));
const { collect, fromBase64, toBase64 } = await load("crypto/bytes.js");

const base64 = async (stream) => toBase64(await collect(stream));
const inPieces = (bytes, size) =>
  new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
      controller.close();
    },
  });

const jobs = {
  async seal({ password, text }) {
    return (await load("crypto/secret.js")).seal(password, text);
  },
  async open({ password, ciphertext }) {
    return (await load("crypto/secret.js")).open(password, ciphertext);
  },
  async sealFile({ key, prefix, plaintext, slices }) {
    const { FileSealer } = await load("crypto/stream.js");
    const sealer = await FileSealer.create(fromBase64(key), fromBase64(prefix));
    const blob = new Blob([fromBase64(plaintext)]);
    return Promise.all(slices.map(async ([from, to]) => toBase64(await sealer.seal(blob, from, to))));
  },
  async openFile({ key, sealed, piece, size }) {
    const { openStream } = await load("crypto/stream.js");
    return base64(openStream(fromBase64(key), inPieces(fromBase64(sealed), piece), { size }));
  },
  async createBoxKey({ passphrase, bits }) {
    return (await load("crypto/box_key.js")).createBoxKey(passphrase, { bits });
  },
  async openBoxKey({ pem, passphrase }) {
    const { publicKey, privateKeyHash } = await (await load("crypto/box_key.js")).openBoxKey(pem, passphrase);
    return { publicKey, privateKeyHash };
  },
  /** The content that a sender sends to a box: a text, and a file if there is one. */
  async sendToBox({ publicKey, text, file }) {
    const { importPublicKey, sealFile, sealText } = await load("crypto/envelope.js");
    const key = await importPublicKey(publicKey);
    if (!file) return sealText(key, text);
    const sealed = await sealFile(key, new File([fromBase64(file.data)], file.name, { type: file.type }));
    return { ...sealed, blob: await base64(sealed.blob.stream()) };
  },
  /** The messages that a reader gets from an encrypted list: texts, and `{name, type, sha256, data}`. */
  async readBox({ pem, passphrase, messages }) {
    const { openEnvelope, openName, openText, unwrapKey } = await load("crypto/envelope.js");
    const { key: privateKey } = await (await load("crypto/box_key.js")).openBoxKey(pem, passphrase);
    return Promise.all(
      messages.map(async ({ EncryptionKey, MessageData, FileName, sealed }) => {
        const key = await unwrapKey(privateKey, EncryptionKey);
        if (!sealed) return openText(key, MessageData);
        const data = await base64(openEnvelope(key, inPieces(fromBase64(sealed), 10_000)));
        return { ...(await openName(key, FileName)), data };
      }),
    );
  },
  async captcha({ challenge, abort }) {
    globalThis.Worker = WebWorker;
    globalThis.navigator ??= { hardwareConcurrency: 2 };
    const { solve } = await load("crypto/captcha.js");
    const shares = [];
    const signal = abort ? AbortSignal.timeout(50) : undefined;
    const payload = await solve(challenge, { signal, onProgress: (share) => shares.push(share) });
    return { payload, shares, workers: WebWorker.alive };
  },
  async qr({ text }) {
    return (await import("./web_qr.mjs")).qrOf(text);
  },
};

/** The part of the browser's Worker that captcha.js needs, in a thread that web_worker.mjs sets up. */
class WebWorker {
  static alive = 0;
  #thread;

  constructor(url) {
    WebWorker.alive += 1;
    this.#thread = new Thread(new URL("./web_worker.mjs", import.meta.url), { workerData: String(url) });
  }

  addEventListener(kind, listener) {
    this.#thread.on(kind, (value) => listener(kind === "message" ? { data: value } : value));
  }

  postMessage(message) {
    this.#thread.postMessage(message);
  }

  terminate() {
    WebWorker.alive -= 1;
    this.#thread.terminate();
  }
}

const outcomes = [];
for (const job of JSON.parse(await text(process.stdin))) {
  try {
    outcomes.push({ ok: await jobs[job.do](job) });
  } catch (error) {
    const { name, message, reason } = error;
    outcomes.push({ error: name === "CannotOpen" ? `${name} ${reason}` : `${name}: ${message}` });
  }
}
process.stdout.write(JSON.stringify(outcomes));
