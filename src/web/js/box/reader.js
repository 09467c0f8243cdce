// @ts-check
// Reads a box. An online reader sends the passphrase, and the server opens the messages. An offline reader
// sends the hash of the private key, gets ciphertext and opens it here. Both return the same items.
import { ApiError, Offline } from "../common/api.js";
import { openBoxKey } from "../crypto/box_key.js";
import { openEnvelope, openName, openText, unwrapKey } from "../crypto/envelope.js";
import { Damaged } from "../crypto/stream.js";
import { safeName } from "../crypto/secret.js";
import { headerText, json, service } from "./service.js";

/** How many messages one request returns. */
export const PAGE = 20;
/** How long a ticket is certainly valid; the server says 120 seconds. */
const TICKET_MS = 100_000;
/** The largest plaintext of a file in memory: a few kilobytes can decompress to gigabytes of zeros. */
const MAX_IN_MEMORY = 2 ** 31;

/**
 * A reader whose server opens the messages. It sends the passphrase only to a server that has the private
 * key.
 *
 * @param {string} token
 * @param {Terms} terms
 * @param {string} passphrase
 */
export function onlineReader(token, terms, passphrase) {
  if (terms.HasPrivateKey !== true) throw new Error("this server has no key for a passphrase");
  return new Reader({ token, passphrase: headerText(passphrase) }, null);
}

/**
 * A reader that opens the messages here: `{reader, publicKey}`, the latter in PEM. Throws WrongPassphrase,
 * UnreadableKey.
 *
 * @param {string} token
 * @param {string} pem
 * @param {string} passphrase
 */
export async function offlineReader(token, pem, passphrase) {
  const { key, publicKey, privateKeyHash } = await openBoxKey(pem, passphrase);
  return { reader: new Reader({ token, privatekeyhash: privateKeyHash }, key), publicKey };
}

/** Reads the messages of a box, each as a `BoxItem`. */
class Reader {
  #who;
  #key;
  #last = 0;
  /** @type {Map<number, { id: string, at: number }>} */
  #tickets = new Map();

  /**
   * @param {Record<string, string>} who
   * @param {CryptoKey | null} key
   */
  constructor(who, key) {
    this.#who = who;
    this.#key = key;
  }

  /** Whether messages are opened here. */
  get isOffline() {
    return this.#key !== null;
  }

  /** The next items, oldest first, and whether there may be more: `{items, more}`. */
  async next(signal = new AbortController().signal) {
    const listed = await this.#list(this.#last, PAGE, signal);
    const items = [];
    for (const message of listed) items.push(await this.#item(message));
    return { items, more: listed.length >= PAGE };
  }

  /**
   * The plaintext of a file, as a stream. Requests a new ticket if the old one has expired; if that request
   * returns another message, `found` gets it. `isInMemory`: the file is collected in memory, not on the disk.
   *
   * @param {BoxItem} item
   * @param {{ signal: AbortSignal, found?: (item: BoxItem) => void, isInMemory: boolean }} options
   */
  async file(item, { signal, found, isInMemory }) {
    const ticket = this.#tickets.get(item.id);
    let response = null;
    if (ticket && performance.now() - ticket.at < TICKET_MS) {
      response = await this.#fetch(ticket.id, signal).catch((error) => {
        if (error instanceof ApiError && error.status === 400) return null;
        throw error;
      });
    }
    response ??= await this.#fetch(await this.#ticketAgain(item, found), signal);
    const body = offlineErrors(/** @type {ReadableStream<Bytes>} */ (response.body));
    if (!item.key || item.fails) return body;
    // A file that gzip cannot compress may be larger than the limit.
    const limit = isInMemory ? Math.max(MAX_IN_MEMORY, 2 * item.size) : Infinity;
    return openEnvelope(item.key, body, { limit });
  }

  /** Deletes the box. */
  async delete() {
    await service("DELETE", "", { headers: this.#who });
  }

  /**
   * @param {number} since
   * @param {number} limit
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<BoxMessage[]>}
   */
  async #list(since, limit, signal) {
    const response = await service("GET", `?since=${since}&limit=${limit}`, { headers: this.#who, signal });
    const listed = response.status === 304 ? [] : await json(response);
    for (const { MessageId: id, TemporaryDownloadId: ticket } of listed) {
      this.#last = Math.max(this.#last, id);
      if (ticket) this.#tickets.set(id, { id: ticket, at: performance.now() });
    }
    return listed;
  }

  /**
   * @param {string} ticket
   * @param {AbortSignal | undefined} signal
   */
  #fetch(ticket, signal) {
    return service("GET", `/File/${ticket}`, { signal: signal ?? new AbortController().signal });
  }

  /**
   * @param {BoxItem} item
   * @param {((item: BoxItem) => void) | undefined} found
   */
  async #ticketAgain(item, found) {
    const before = this.#last;
    const [message] = await this.#list(item.id - 1, 1, undefined);
    if (message?.MessageId === item.id) return message.TemporaryDownloadId;
    // The file is gone. The server returned the next message instead, which counts as read now, so it must be
    // shown.
    if (message && message.MessageId > before) found?.(await this.#item(message));
    throw new ApiError(400, { message: "There is no file to be fetched" });
  }

  /** @param {BoxMessage} message */
  async #item(message) {
    /** @type {BoxItem} */
    const item = {
      id: message.MessageId, created: message.Created, size: message.Size, isFile: message.IsFile,
      sha256: message.MessageHash,
    };
    try {
      if (this.#key) await openHere(this.#key, item, message);
      else if (message.EncryptionKey !== null) throw new Damaged();
      else if (item.isFile) item.name = safeName(message.FileName ?? "");
      else item.text = message.MessageData;
    } catch (error) {
      item.fails = error;
      if (item.isFile) item.name = safeName(`message-${item.id}.bin`);
      else item.raw = message.MessageData;
    }
    return item;
  }

}

/**
 * @param {CryptoKey} key
 * @param {BoxItem} item
 * @param {BoxMessage} message
 */
async function openHere(key, item, message) {
  item.key = await unwrapKey(key, message.EncryptionKey ?? "");
  if (item.isFile) Object.assign(item, await openName(item.key, message.FileName ?? ""));
  else item.text = await openText(item.key, message.MessageData);
}

/**
 * The same stream; network errors become Offline.
 *
 * @param {ReadableStream<Bytes>} body
 */
function offlineErrors(body) {
  const reader = body.getReader();
  return /** @type {ReadableStream<Bytes>} */ (new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (done) return controller.close();
        controller.enqueue(value);
      } catch (error) {
        throw error.name === "AbortError" ? error : new Offline(error);
      }
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 }));
}
